"""Relative paths of a config mean the folder in which the command was given, even if Hydra changes the directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlqa.config.data_files import REFERENCE_FILES, SPLIT_FILES, iter_sets
from mlqa.config.model_facts import is_local_folder
from mlqa.config.schema import Config


def make_paths_absolute(config: Config, folder: Path) -> Config:
    """Make the paths of a config absolute (hydra.job.chdir=true).

    Args:
        config: A config, which is changed.
        folder: The folder in which the command was given.

    Returns:
        The same config.
    """
    for dataset in (config.dataset, *(mixed_set for _, mixed_set in iter_sets(config.dataset))):
        for name in (*SPLIT_FILES, *REFERENCE_FILES):
            setattr(dataset, name, _make_absolute(getattr(dataset, name), folder))
    config.words_file = _make_absolute(config.words_file, folder)
    pretrained = config.model.pretrained
    if pretrained and (is_local_folder(pretrained) or (folder / pretrained).is_dir()):
        config.model.pretrained = str(folder / Path(pretrained).expanduser())
    return config


def _make_absolute(value: Any, folder: Path) -> Any:
    """Return a path, or each path of a list, below the folder."""
    if isinstance(value, list):
        return [_make_absolute(path, folder) for path in value]
    return str(folder / Path(value).expanduser()) if isinstance(value, str) else value
