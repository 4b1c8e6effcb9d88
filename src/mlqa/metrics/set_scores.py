"""Scores on a further data set, and how they get into the files of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlqa.config.run_lock import lock_directory, unlock_directory
from mlqa.errors import RunError
from mlqa.metrics.scores_file import replace_score_rows
from mlqa.result import SCORES, record_evaluations


@dataclass(frozen=True)
class SetScores:
    """`record` is the set's entry in `evaluations` of result.json, `rows` are its lines of scores.jsonl."""

    record: dict[str, Any]
    rows: list[dict[str, Any]]


def describe_scores(record: dict[str, Any]) -> str:
    """Return exact match and F1 of an entry of `evaluations`, e.g. "exact match 61.20, F1 78.05, 1,190 questions"."""
    return f"exact match {record['exact_match']:.2f}, F1 {record['f1']:.2f}, {record['total']:,} questions"


def record_scores(run_dir: Path, name: str, scores: SetScores) -> None:
    """Add the scores on a data set to the files of a run.

    Raises:
        RunError: A file cannot be written, or another process works in the directory.
        DataError: A line of its scores.jsonl is damaged.
    """
    if (holder := lock_directory(run_dir)) is not None:
        raise RunError(f"{run_dir}: {holder} is working in it; wait until it ends, and run the same command again")
    try:
        replace_score_rows(run_dir / SCORES, scores.rows)
        record_evaluations(run_dir, {name: scores.record})
    finally:
        unlock_directory(run_dir)
