"""What a member returned, kept on disk at once: a launcher that is killed in the middle of a batch returns nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import TaskFunction
from omegaconf import OmegaConf

from hydra_racing_sweeper.files import read_json, write_json

FOLDER = "race"  # in the sweep's directory


class RecordedTask:
    """The app's task function, which also writes down what it returned or raised, and how long it took.

    A launcher may send it to other processes and machines, as it would the task function itself.
    """

    def __init__(self, task_function: TaskFunction) -> None:
        """Wrap a task function."""
        self._task_function = task_function

    def __call__(self, config: Any) -> Any:
        """Run the member."""
        hydra = HydraConfig.get()
        path = locate_record(Path(str(hydra.runtime.cwd), str(hydra.sweep.dir)), int(hydra.job.num))
        record: dict[str, Any] = {
            "directory": str(Path(str(hydra.runtime.cwd), str(hydra.runtime.output_dir))),
            "overrides": OmegaConf.to_container(hydra.overrides.task, resolve=False),
        }
        began = time.monotonic()
        try:
            value = self._task_function(config)
        except Exception as error:
            record |= {"error": format_error(error), "seconds": time.monotonic() - began}
            write_json(path, record)
            raise
        record |= {"value": make_plain(value), "seconds": time.monotonic() - began}
        write_json(path, record)
        return value


def locate_record(sweep_dir: Path, number: int) -> Path:
    """Return the path of a member's record."""
    return sweep_dir / FOLDER / f"{number}.json"


def read_record(sweep_dir: Path, number: int) -> dict[str, Any] | None:
    """Return a member's record, None if the member has left none."""
    content = read_json(locate_record(sweep_dir, number))
    return content if isinstance(content, dict) else None


def make_plain(value: Any) -> Any:
    """Return a value as JSON can hold it. Numbers of numpy or torch become floats, what is left text."""
    if isinstance(value, Mapping):
        return {str(key): make_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_plain(item) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if abs(number) < float("inf") else str(number)


def format_error(error: BaseException) -> str:
    """Return an exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__
