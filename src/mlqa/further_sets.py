"""Score a model on data sets besides its own: `evaluation.sets` of a run, and `mlqa evaluate` afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.config.further_sets import compose_set
from mlqa.config.run_lock import lock_directory, unlock_directory
from mlqa.config.schema import Config, DatasetConfig
from mlqa.data.examples import Examples
from mlqa.data.load import load_reported
from mlqa.environment import is_main
from mlqa.errors import RunError
from mlqa.metrics.scores_file import replace_score_rows
from mlqa.result import SCORES, record_evaluations

if TYPE_CHECKING:
    from mlqa.evaluation import Evaluation


@dataclass(frozen=True)
class FurtherSet:
    """A data set to score on: its option, its config, the split that is scored and its questions."""

    name: str
    dataset: DatasetConfig
    split: str
    examples: Examples


@dataclass(frozen=True)
class SetScores:
    """`record` is the set's entry in `evaluations` of result.json, `rows` are its lines of scores.jsonl."""

    record: dict[str, Any]
    rows: list[dict[str, Any]]


def load_further_sets(config: Config, own: str | None) -> list[FurtherSet]:
    """Read the data sets of `evaluation.sets`, before the training that they must not fail after.

    Args:
        config: The run's config. `dataset.max_eval_samples` also holds for these data sets.
        own: The option of the run's own data set, which is scored anyway.

    Raises:
        ConfigError: A data set cannot be composed.
        DataError: A source is missing, unreadable or invalid.
        UnreachableError: A source cannot be reached.
    """
    most = config.dataset.max_eval_samples
    names = (name for name in dict.fromkeys(config.evaluation.sets) if name != own)
    sets = {name: compose_set(name) for name in names}
    return [
        load_set(name, replace(dataset, max_eval_samples=most or dataset.max_eval_samples))
        for name, dataset in sets.items()
    ]


def load_set(name: str, dataset: DatasetConfig) -> FurtherSet:
    """Read the split of a data set that is reported, without its train split.

    Raises:
        DataError: The source is missing, unreadable or invalid.
        UnreachableError: The source cannot be reached.
    """
    return FurtherSet(name, dataset, *load_reported(dataset))


def score_set(further: FurtherSet, evaluation: Evaluation, model: Any) -> SetScores | None:
    """Answer the questions of a data set and score them.

    Args:
        further: The data set.
        evaluation: Of its questions.
        model: The model, on its device.

    Returns:
        The scores, None on every process but the main one.
    """
    evaluated = evaluation.evaluate(model)
    if not is_main():
        return None
    record = {
        **evaluated.metrics,
        "language": further.dataset.language,
        "split": further.split,
        "fingerprint": further.examples.compute_fingerprint(),
    }
    scored = evaluation.score_questions(evaluated.predictions, further.name, further.split)
    return SetScores(record, scored.rows)


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
        raise RunError(f"{run_dir}: {holder} is working in it; wait for its end, and give the same command again")
    try:
        replace_score_rows(run_dir / SCORES, scores.rows)
        record_evaluations(run_dir, {name: scores.record})
    finally:
        unlock_directory(run_dir)
