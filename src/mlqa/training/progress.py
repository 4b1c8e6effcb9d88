"""What a training shows and records on the way: a progress bar, or plain lines where there is no terminal."""

from __future__ import annotations

import logging
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback

from mlqa.runtime import console
from mlqa.tracking import Trackers

log = logging.getLogger(__name__)

PLAIN_LINES = 10  # so many lines a training, where no bar can be drawn


class ProgressAndHistory(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Shows the training's progress and hands every logged row to the trackers; on the main process only."""

    def __init__(self, trackers: Trackers) -> None:
        self._trackers = trackers
        self._loss = ""
        self._bar = Progress(
            TextColumn("Training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
            console=console(),
            transient=True,
        )

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero and console().is_terminal:
            self._bar.start()
            self._bar.add_task("Training", total=state.max_steps, loss="")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        for task in self._bar.task_ids:
            self._bar.update(task, completed=state.global_step, loss=self._loss)
        every = max(1, state.max_steps // PLAIN_LINES)
        if not self._bar.task_ids and state.global_step % every == 0:
            log.info("%s", f"step {state.global_step} of {state.max_steps} {self._loss}".rstrip())

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not state.is_world_process_zero or not logs:
            return
        row = {key: float(value) for key, value in logs.items() if isinstance(value, int | float)}
        if "loss" in row:
            self._loss = f"loss {row['loss']:.3f}"
        self._trackers.log(row, state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._bar.stop()
