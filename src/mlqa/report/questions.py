"""Per-question scores of members, read from the scores.jsonl that each run leaves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlqa.errors import DataError
from mlqa.metrics.scores_file import read_score_rows
from mlqa.report.member import METRICS, Member
from mlqa.result import FILE, SCORES

# The mean of float64 over rows, taken in another order, differs from result.json's by less. Another answer by more.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Questions:
    """The questions of a scored split: `names` are their ids in predictions.json, `context_of` is integer [questions].

    `golds` are the distinct gold answers of each question, none if the context does not answer it. `contexts` has the
    text of each context by its number, `groups` the groups of each question by grouping of the breakdown.
    """

    names: list[str]
    texts: list[str]
    golds: list[list[str]]
    context_of: np.ndarray
    contexts: dict[int, str]
    groups: list[dict[str, str]]

    @cached_property
    def digest(self) -> str:
        """Equal for members that answered the same questions of the same contexts with the same gold answers."""
        content = json.dumps([self.names, self.texts, self.golds, self.context_of.tolist()])
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class RowScores:
    """Scores of one member's answers: `exact` and `f1` are the official ones (0-1), float [questions].

    `primary` is the score (0-100) that the member is judged by, and `seen` is boolean [questions], whether the context
    is in train, None if that is not known. `groups` are those of each question, some of which depend on the tokenizer.
    """

    exact: np.ndarray
    f1: np.ndarray
    primary: np.ndarray
    answers: list[str | None]
    seen: np.ndarray | None
    groups: list[dict[str, str]]


def read_scores(member: Member) -> tuple[Questions, RowScores]:
    """Return the questions that a member was scored on, and its scores.

    Raises:
        DataError: There is no scores.jsonl, it cannot be read, or the mean of its scores is not that of result.json.
    """
    set_name, split = member.scored_set, member.get_text("reported_split") or ""
    return read_set_scores(member, set_name, split, member.score)


def read_set_scores(member: Member, set_name: str, split: str, recorded: float | None) -> tuple[Questions, RowScores]:
    """Return the questions and scores of one scored split of a member.

    Args:
        member: The member.
        set_name: Option of the group `dataset`.
        split: Name of the split.
        recorded: What result.json says of its primary metric.

    Raises:
        DataError: As `read_scores`.
    """
    metric = member.primary_metric
    try:
        rows = read_score_rows(member.directory / SCORES, set_name, split)
    except FileNotFoundError:
        is_old = member.get_number("schema_version") == 1
        raise DataError(f"no {SCORES}: {'made by an older version' if is_old else 'the file was removed'}") from None
    primary = [row.get(metric) for row in rows]
    if not all(isinstance(score, int | float) and 0 <= score <= 1 for score in primary):
        raise DataError(f"its {SCORES} has no {metric} of some questions")
    questions = Questions(
        [row["id"] for row in rows],
        [row["question"] for row in rows],
        [row["golds"] for row in rows],
        np.array([row["context"] for row in rows], dtype=np.int64),
        {row["context"]: row["context_text"] for row in rows if "context_text" in row},
        [row["groups"] for row in rows],
    )
    seen = [row["seen"] for row in rows]
    scores = RowScores(
        np.array([row["exact_match"] for row in rows], dtype=np.float64),
        np.array([row["f1"] for row in rows], dtype=np.float64),
        100 * np.array(primary, dtype=np.float64),
        [row["answer"] for row in rows],
        None if None in seen else np.array(seen, dtype=bool),
        [row["groups"] for row in rows],
    )
    mean = float(scores.primary.mean())
    if recorded is None or abs(mean - recorded) > TOLERANCE:
        name = METRICS[metric]
        raise DataError(
            f"its {name} is {mean:.2f} in {SCORES} and {recorded or 0:.2f} in {FILE}: one of them was changed"
        )
    return questions, scores
