"""Per-question scores of members, read from the scores.jsonl that each run leaves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlqa.errors import DataError
from mlqa.metrics.scores_file import read_score_rows
from mlqa.report.members import Member
from mlqa.result import FILE, SCORES

# The mean of float64 over rows, taken in another order, differs from result.json's by less. Another answer by more.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Questions:
    """The questions of a scored split: `names` are their ids in predictions.json, `context_of` is integer [questions].

    `golds` are the distinct gold answers of each question, none if the context does not answer it. `contexts` has the
    text of each context by its number.
    """

    names: list[str]
    texts: list[str]
    golds: list[list[str]]
    context_of: np.ndarray
    contexts: dict[int, str]

    @cached_property
    def digest(self) -> str:
        """Equal for members that answered the same questions of the same contexts with the same gold answers."""
        content = json.dumps([self.names, self.texts, self.golds, self.context_of.tolist()])
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class RowScores:
    """Official scores (0-1) of one member's answers: `exact` and `f1` are float [questions].

    `seen` is boolean [questions], whether the context is in train. None if that is not known.
    """

    exact: np.ndarray
    f1: np.ndarray
    answers: list[str | None]
    seen: np.ndarray | None


def read_scores(member: Member) -> tuple[Questions, RowScores]:
    """Return the questions that a member was scored on, and its scores.

    Raises:
        DataError: There is no scores.jsonl, it cannot be read, or the mean of its scores is not the F1 of result.json.
    """
    set_name, split = member.get_option("dataset"), member.get_text("reported_split") or ""
    try:
        rows = read_score_rows(member.directory / SCORES, set_name, split)
    except FileNotFoundError:
        is_old = member.get_number("schema_version") == 1
        raise DataError(f"no {SCORES}: {'made by an older version' if is_old else 'the file was removed'}") from None
    questions = Questions(
        [row["id"] for row in rows],
        [row["question"] for row in rows],
        [row["golds"] for row in rows],
        np.array([row["context"] for row in rows], dtype=np.int64),
        {row["context"]: row["context_text"] for row in rows if "context_text" in row},
    )
    seen = [row["seen"] for row in rows]
    scores = RowScores(
        np.array([row["exact_match"] for row in rows], dtype=np.float64),
        np.array([row["f1"] for row in rows], dtype=np.float64),
        [row["answer"] for row in rows],
        None if None in seen else np.array(seen, dtype=bool),
    )
    mean, recorded = 100 * float(scores.f1.mean()), member.get_number("metrics", "f1")
    if recorded is None or abs(mean - recorded) > TOLERANCE:
        raise DataError(f"its F1 is {mean:.2f} in {SCORES} and {recorded or 0:.2f} in {FILE}: one of them was changed")
    return questions, scores
