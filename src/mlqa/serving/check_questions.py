"""The questions by which an export is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.schema import DatasetConfig
from mlqa.data.examples import Examples
from mlqa.data.load import load_split
from mlqa.data.questions import load_questions
from mlqa.environment import go_offline_if_unreachable
from mlqa.errors import DataError, RunError, summarize_error

QUESTIONS = 200


def load_check_questions(run_dir: Path, file: str | None) -> tuple[Examples, str]:
    """Load the questions of the check, at most `QUESTIONS`, drawn evenly from all.

    Args:
        run_dir: The directory of the run.
        file: A file of questions. None means the validation split of the run's data set.

    Returns:
        The questions, and their source.

    Raises:
        DataError: The questions cannot be read.
        RunError: The run does not say what its data set is.
    """
    if file is not None:
        examples, source = load_questions(file), Path(file).name
    else:
        examples, source = _load_validation(run_dir), "the validation split of the run"
    rows = np.unique(np.linspace(0, len(examples) - 1, min(QUESTIONS, len(examples))).round().astype(int))
    return examples.select(rows), source


def _load_validation(run_dir: Path) -> Examples:
    path = run_dir / ".hydra" / "config.yaml"
    try:
        written = OmegaConf.load(path).dataset
        dataset: Any = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(DatasetConfig), written))
    except (OmegaConfBaseException, AttributeError, OSError) as error:
        raise RunError(
            f"{path}: cannot be read: {summarize_error(error)}; give the questions of the check by --file"
        ) from None
    if dataset.hub is not None:
        go_offline_if_unreachable()
    try:
        return load_split(dataset, "validation").sample_rows(dataset.max_eval_samples, 0)
    except DataError as error:
        raise DataError(f"{error}. The export needs questions to be checked on: give some by --file") from None
