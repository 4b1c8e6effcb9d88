"""Score a model on data sets besides its own: `evaluation.sets` of a run, and `mlqa evaluate` afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlqa.config.further_sets import compose_set
from mlqa.config.schema import Config, DatasetConfig, is_trained
from mlqa.data.examples import Examples
from mlqa.data.load import Splits, load_reported, load_splits

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


def name_own_set(config: Config, choices: Mapping[str, str]) -> str:
    """Return the option of the data set that a run is scored on: of a mix its target set."""
    mix = config.dataset.mix
    return str(mix.target) if mix is not None else choices.get("dataset", "dataset")


def load_run_data(config: Config, own: str) -> tuple[Splits, list[FurtherSet]]:
    """Read all data of a run: its splits, and the data sets of `evaluation.sets`.

    Args:
        config: The run's config.
        own: The option of the data set that the run is scored on.

    Raises:
        ConfigError: A data set cannot be composed.
        DataError: A source is missing, unreadable or invalid.
        UnreachableError: A source cannot be reached.
    """
    further = load_further_sets(config, own)
    scored = {one.name: one.examples for one in further}
    return load_splits(config.dataset, trains=is_trained(config.training), further=scored), further


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
    from mlqa.environment import is_main

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
