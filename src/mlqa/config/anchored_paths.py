"""Relative paths of a config mean the folder in which the command was given, also if Hydra changes the directory."""

from __future__ import annotations

from pathlib import Path

from mlqa.config.model_facts import is_local_folder
from mlqa.config.schema import Config

_FILES = ("train_file", "validation_file", "segmentation_file", "parallel_file")


def anchor_paths(config: Config, folder: Path) -> Config:
    """Make the paths of a config absolute (hydra.job.chdir=true).

    Args:
        config: A config, which is changed.
        folder: The folder in which the command was given.

    Returns:
        The same config.
    """
    for name in _FILES:
        if (value := getattr(config.dataset, name)) is not None:
            setattr(config.dataset, name, str(folder / Path(value).expanduser()))
    if config.words_file is not None:
        config.words_file = str(folder / Path(config.words_file).expanduser())
    pretrained = config.model.pretrained
    if pretrained and (is_local_folder(pretrained) or (folder / pretrained).is_dir()):
        config.model.pretrained = str(folder / Path(pretrained).expanduser())
    return config
