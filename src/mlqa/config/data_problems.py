"""Problems of the files that a data set names, and of the sets of a mix."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlqa.config.data_files import SPLIT_FILES, iter_data_files, iter_sets
from mlqa.config.language_codes import find_code_problem
from mlqa.config.schema import Config, DatasetConfig, MixedSetConfig


def find_file_problems(dataset: DatasetConfig) -> Iterator[str]:
    """Yield a line for each setting that is no path, and for each file that is not there or is listed twice.

    Args:
        dataset: The config group `dataset`.
    """
    wrong = [*_find_wrong_values(dataset, "dataset")]
    for name, mixed_set in iter_sets(dataset):
        wrong += _find_wrong_values(mixed_set, f"dataset.mix.sets.{name}")
    yield from wrong
    if wrong:
        return
    seen: set[tuple[str, str]] = set()
    for key, path in iter_data_files(dataset):
        file = Path(path).expanduser()
        if (key, path) in seen:
            yield f"{key}={path}: is in the list twice; leave one of them out"
        elif file.is_dir():
            yield f"{key}={path}: is a folder; give a file"
        elif not file.is_file():
            yield f"{key}={path}: there is no such file; give the path of a file"
        seen.add((key, path))


def _find_wrong_values(dataset: DatasetConfig, key: str) -> Iterator[str]:
    for name in SPLIT_FILES:
        value: Any = getattr(dataset, name)
        texts = value if isinstance(value, list) else [value]
        if value is not None and not (texts and all(isinstance(text, str) and text for text in texts)):
            yield f"{key}.{name}={value}: is no path; give the path of a file, or a list of paths: [a.json,b.json]"


def find_mix_problems(config: Config) -> Iterator[str]:
    """Yield a line for everything that is wrong with the sets of a mix.

    Args:
        config: The config of a run.
    """
    dataset = config.dataset
    if dataset.mix is None:
        return
    for key in ("train_file", "max_train_samples"):
        if getattr(dataset, key) is not None:
            yield (
                f"dataset.{key}={getattr(dataset, key)}: is for one data set, and a mix has several; set it for one of "
                f"them: dataset.mix.sets={{<option>: {{{key}: ...}}}}"
            )
    if dataset.folds and dataset.mix.target not in dict(iter_sets(dataset)):
        yield f"dataset.folds={dataset.folds}: folds are cut out of the target set, which the mix does not train on"
    for name, mixed_set in iter_sets(dataset):
        yield from _check_set(f"dataset.mix.sets.{name}", mixed_set)


def _check_set(key: str, mixed_set: MixedSetConfig) -> Iterator[str]:
    if not 0 < mixed_set.weight < math.inf:
        yield f"{key}.weight={mixed_set.weight:g}: choose more than 0, or leave the set out"
    if mixed_set.max_train_samples is not None and mixed_set.max_train_samples < 1:
        yield f"{key}.max_train_samples={mixed_set.max_train_samples}: choose 1 or more"
    if problem := find_code_problem(mixed_set.language):
        yield f"{key}.language={mixed_set.language}: {problem}"
    hub = mixed_set.hub
    other = mixed_set.download or mixed_set.sample or (hub is not None and hub.train_split)
    if not (mixed_set.train_file or other):
        yield f"{key}: the data set has no train split; give it a file, or leave it out: {key}.train_file"
