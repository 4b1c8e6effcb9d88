"""The best model of a training by a metric of the validation split, kept on disk, and the end of the patience."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlqa.distributed import broadcast_object
from mlqa.environment import is_main
from mlqa.training.checkpoints import STATE, Checkpoints

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """The model that is kept: its folder, the step and epochs after which it was scored, and its score."""

    path: Path
    step: int
    epochs: float
    score: float


class BestModel:
    """The best model so far. Of equal ones the first counts.

    What is on disk decides, so that a run that was killed goes on with the same best model.

    Args:
        checkpoints: The folder that keeps it, of `Checkpoints.open_best`.
        metric: The name of the metric, e.g. "f1". More is better.
        patience: After how many evaluations without a better model to stop, None for never.
    """

    def __init__(self, checkpoints: Checkpoints, metric: str, patience: int | None) -> None:
        self.checkpoints = checkpoints
        self.metric = metric
        self.patience = patience
        self.kept = self._find_kept()

    def offer(self, metrics: Mapping[str, float], step: int, save_files: Callable[[Path], None]) -> None:
        """Keep the model in its current state if it is better than the one that is kept.

        Args:
            metrics: The metrics of this model.
            step: The number of optimizer steps so far.
            save_files: Writes the files of this process to a folder, with the trainer's state.
        """
        if self.kept is None or metrics[self.metric] > self.kept.score:
            self.checkpoints.write(step, save_files, keep=1)
            self.kept = self._find_kept()

    def is_patience_over(self, history: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether enough evaluations since the best one found nothing better.

        Args:
            history: The rows that the trainer logged.
        """
        if self.patience is None or self.kept is None:
            return False
        steps = {row["step"] for row in history if f"eval_{self.metric}" in row}
        return bool(sum(step > self.kept.step for step in steps) >= self.patience)

    def _find_kept(self) -> Kept | None:
        kept: Kept | None = broadcast_object(self._read_kept() if is_main() else None)
        return kept

    def _read_kept(self) -> Kept | None:
        found = self.checkpoints.find_latest()
        if found is None:
            return None
        state = json.loads((found.path / STATE).read_text("utf-8"))
        scores = [row[f"eval_{self.metric}"] for row in state["log_history"] if f"eval_{self.metric}" in row]
        return Kept(found.path, found.step, round(float(state["epoch"]), 4), float(scores[-1]))
