"""The data sets of `evaluation.sets`: options of the group `dataset`, composed before anything starts."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra import compose as hydra_compose
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.compose import COMPOSITION_ERRORS, initialize_hydra
from mlqa.config.data_files import list_paths
from mlqa.config.data_problems import find_file_problems
from mlqa.config.hydra_errors import explain_override
from mlqa.config.overrides import parse_overrides
from mlqa.config.schema import DatasetConfig
from mlqa.errors import ConfigError

FILES = ("validation_file", "test_file")


def compose_set(option: str, overrides: Sequence[str] = ()) -> DatasetConfig:
    """Return the config of a data set that is only scored on.

    Args:
        option: Option of the group `dataset`.
        overrides: Further overrides of keys below `dataset`.

    Raises:
        ConfigError: There is no such option, an override is wrong, or the data set has nothing to score on.
    """
    lines = [f"dataset={option}", *overrides]
    # Inside a run Hydra is initialized already, perhaps with a config folder of the user's own.
    with contextlib.nullcontext() if GlobalHydra.instance().is_initialized() else initialize_hydra():
        for end in range(1, len(lines) + 1):
            try:
                node = hydra_compose("config", overrides=lines[:end]).dataset
            except COMPOSITION_ERRORS as error:
                raise ConfigError(explain_override(parse_overrides([lines[end - 1]])[0], error)) from error
    if OmegaConf.is_missing(node, "train_file"):
        node.train_file = None
    missing = sorted(OmegaConf.missing_keys(node))
    if missing:
        raise ConfigError(f"dataset={option}: {', '.join(missing)} has no value; add {missing[0]}=...")
    try:
        dataset = OmegaConf.to_object(node)
    except OmegaConfBaseException as error:
        raise ConfigError(f"dataset={option}: {error}") from error
    assert isinstance(dataset, DatasetConfig)
    problems = list(_find_problems(option, dataset))
    if problems:
        raise ConfigError(problems)
    return dataset


@functools.lru_cache  # the members of a sweep share their sets
def find_set_problems(option: str, is_remote: bool, is_isolated: bool) -> tuple[str, ...]:
    """Return a line for each reason why one of `evaluation.sets` cannot be scored on.

    Args:
        option: Option of the group `dataset`.
        is_remote: Whether the run is a SageMaker job, which has no files of this machine.
        is_isolated: Whether its container has no network.
    """
    try:
        dataset = compose_set(option)
    except ConfigError as error:
        return tuple(f"evaluation.sets: {problem}" for problem in error.problems)
    afterwards = f"score on it afterwards: mlqa evaluate <run dir> dataset={option}"
    files = [path for key in FILES for path in list_paths(getattr(dataset, key))]
    if files and is_remote:
        reason = f"has files of this machine ({files[0]}), which the job cannot read"
        return (f"evaluation.sets: dataset={option} {reason}; {afterwards}",)
    if is_isolated and dataset.sample is None:
        reason = "cannot be fetched in a container without a network (hydra.launcher.network_isolation)"
        return (f"evaluation.sets: dataset={option} {reason}; {afterwards}",)
    return ()


def _find_problems(option: str, dataset: DatasetConfig) -> Iterator[str]:
    hub = dataset.hub
    if not (any(getattr(dataset, key) for key in FILES) or dataset.download or dataset.sample or hub):
        yield (
            f"dataset={option}: has no file to score on; write an option that names it (conf/dataset), or score on it "
            f"afterwards: mlqa evaluate <run dir> dataset={option} dataset.validation_file=..."
        )
    yield from (f"dataset={option}: {problem}" for problem in find_file_problems(dataset))


def name_set(option: str, overrides: Sequence[str]) -> str:
    """Return the name of a set in results: its option, or the name of the file or path that overrides give it.

    Several files are called "one+two".
    """
    values = dict(override.split("=", 1) for override in overrides if "=" in override)
    given = {key: value for key, value in values.items() if value not in ("", "null", "[]")}
    for key in ("dataset.test_file", "dataset.validation_file"):
        if key in given:
            return "+".join(Path(path.strip(" '\"")).stem for path in given[key].strip("[]").split(","))
    return Path(given["dataset.hub.path"]).name if "dataset.hub.path" in given else option
