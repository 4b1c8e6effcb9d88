"""The questions that members answered, with their gold answers, read again from the data set that they name.

Gold answers are not among what a run leaves. Where the data set cannot be read here (a file that is gone, no network),
members can still be compared by their own scores and intervals, but not question by question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from mlqa.answers.predictions_file import name_rows
from mlqa.data.examples import Examples, find_unseen_rows
from mlqa.errors import DataError, MlqaError, summarize_error
from mlqa.metrics.squad import Version, compute_squad_scores
from mlqa.report.members import Member
from mlqa.report.reading import get_nested

# A mean of float64 over rows, taken in another order, differs from result.json's by less; another gold by more.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Questions:
    """The validation rows: `names` as predictions.json has them; everything a report shows of a row.

    `unseen`: boolean [rows], whose context does not stand in train; None where the train split cannot be read here.
    """

    examples: Examples
    names: list[str]
    version: Version
    unseen: np.ndarray | None = None

    @property
    def context_of(self) -> np.ndarray:
        """Integer [rows]: which rows share a context."""
        return self.examples.context_of

    def get_distinct_golds(self, row: int) -> list[str]:
        """The distinct gold answers of a row; empty where the context does not answer the question."""
        return list(dict.fromkeys(self.examples.get_gold_texts(row)))


@dataclass(frozen=True)
class RowScores:
    """Official scores (0-1) of each row, one column array a score: `exact` and `f1` are float [rows]."""

    exact: np.ndarray
    f1: np.ndarray
    answers: list[str | None]


def read_questions(member: Member) -> Questions:
    """The rows that a member was scored on. Raises MlqaError, in one line, where they cannot be had here."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from mlqa.config.schema import DatasetConfig
    from mlqa.data.load import SUBSET_SEED, load_split
    from mlqa.environment import go_offline_if_unreachable

    node = member.get_config_value("dataset")
    if not isinstance(node, dict):
        raise DataError("its .hydra/config.yaml does not name the data set")
    try:
        merged = OmegaConf.merge(OmegaConf.structured(DatasetConfig), node)
        dataset = cast(DatasetConfig, OmegaConf.to_object(merged))
    except OmegaConfBaseException as error:
        raise DataError(f"its .hydra/config.yaml is of another version: {summarize_error(error)}") from None
    if dataset.hub is not None and dataset.validation_file is None:
        go_offline_if_unreachable()
    try:
        examples = load_split(dataset, "validation").sample_rows(dataset.max_eval_samples, SUBSET_SEED)
    except MlqaError:
        raise
    except Exception as error:  # a library's own way to say that a file is not what it should be
        raise DataError(f"the data set cannot be read: {summarize_error(error)}") from None
    if not len(examples):
        raise DataError("the data set has no validation rows")
    version: Version = "2.0" if get_nested(member.result, "dataset", "squad_version") == "2.0" else "1.1"
    unseen = None
    total_unseen = member.get_number("metrics", "total_unseen")
    if total_unseen is not None and 0 < total_unseen < len(examples):  # else there is nothing to tell apart
        try:
            train = load_split(dataset, "train").sample_rows(dataset.max_train_samples, SUBSET_SEED)
            unseen = find_unseen_rows(examples, train)
        except Exception:  # whatever a library says: without train, only the official scores are compared
            unseen = None
        if unseen is not None and int(unseen.sum()) != total_unseen:
            unseen = None  # not the train split that the member had
    return Questions(examples, name_rows(examples.ids), version, unseen)


def score_rows(member: Member, questions: Questions) -> RowScores:
    """The member's answers, scored row by row.

    Raises DataError where its predictions.json is missing, or where their mean is not the F1 of its result.json: then
    the data set has changed, and a comparison by rows would be of something else.
    """
    predictions: Mapping[str, str] = member.read_predictions()
    if not predictions:
        raise DataError("its predictions.json is missing or cannot be read")
    answers: list[str | None] = [predictions.get(name) for name in questions.names]
    golds: Sequence[list[str]] = [questions.get_distinct_golds(row) for row in range(len(questions.names))]
    scores = compute_squad_scores(answers, golds, questions.version)
    recorded: Any = member.get_number("metrics", "f1")
    if recorded is None or abs(scores.f1 - recorded) > TOLERANCE:
        raise DataError(
            f"its answers score F1 {scores.f1:.2f} on the data set as it is now, {recorded or 0:.2f} when it ran: "
            "the data set or the answers have changed"
        )
    return RowScores(np.array(scores.exact_rows), np.array(scores.f1_rows), answers)
