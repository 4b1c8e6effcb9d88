"""Show and record the progress of training: a progress bar, or plain lines if there is no terminal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback

from mlqa.environment import get_console

log = logging.getLogger(__name__)

PLAIN_LINES = 10  # per training, if no bar can be drawn


class ProgressAndHistory(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Show the progress of training and pass every logged row to `record`, on the main process only."""

    def __init__(self, record: Callable[[dict[str, float], int], None]) -> None:
        self._record = record
        self._loss = ""
        self._began, self._first_step = 0.0, 0
        self._bar = Progress(
            TextColumn("Training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
            console=get_console(),
            transient=True,
        )

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock and, on a terminal, the bar."""
        self._began, self._first_step = time.perf_counter(), state.global_step
        if state.is_world_process_zero and get_console().is_terminal:
            self._bar.start()
            self._bar.add_task("Training", total=state.max_steps, loss="")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Advance the bar, or log a line if it is time for one."""
        if not state.is_world_process_zero:
            return
        for task in self._bar.task_ids:
            self._bar.update(task, completed=state.global_step, loss=self._loss)
        every = max(1, state.max_steps // PLAIN_LINES)
        if not self._bar.task_ids and state.global_step % every == 0:
            parts = [f"step {state.global_step} of {state.max_steps}", self._loss, self._format_time_left(state)]
            log.info("%s", ", ".join(part for part in parts if part))

    def _format_time_left(self, state: Any) -> str:
        """Estimate the time left from the steps since this start of the run. Return "" at the end."""
        steps = state.max_steps - state.global_step
        seconds = (time.perf_counter() - self._began) / max(1, state.global_step - self._first_step) * steps
        return f"{_format_duration(seconds)} left" if steps else ""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Pass the numbers of a logged row and its step on."""
        if not state.is_world_process_zero or not logs:
            return
        row = {key: float(value) for key, value in logs.items() if isinstance(value, int | float)}
        if "loss" in row:
            self._loss = f"loss {row['loss']:.3f}"
        self._record(row, state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Remove the bar."""
        self._bar.stop()


def _format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
