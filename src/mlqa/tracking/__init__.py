"""Where a run's metrics go while it trains: always to history.jsonl, and to W&B where the config says so.

A tracker is anything with the methods of `Tracker`. One that fails says so once and is left out from then
on: no tracker ever stops a training.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlqa.config import TrackingBackend, TrackingConfig
from mlqa.errors import first_line

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunIdentity:
    """Who a run is, in plain values: the same for a run that goes on after an interruption."""

    name: str  # model-hardware-seed-hash, after the sweep's name
    group: str
    tags: tuple[str, ...]
    config: dict[str, Any]
    directory: Path


class Tracker(Protocol):
    def start(self, history: Path | None) -> None:
        """Training begins: anew, or from a checkpoint, which keeps the history.jsonl of the steps before it."""

    def log(self, row: dict[str, float], step: int) -> None:
        """Takes the metrics of one moment; `step` counts optimizer steps."""

    def finish(self, result: dict[str, Any]) -> None:
        """Takes the content of result.json, whatever its status, and closes."""


class Trackers:
    """Several trackers as one that cannot fail."""

    def __init__(self, trackers: list[Tracker]) -> None:
        self._trackers = trackers

    def start(self, history: Path | None) -> None:
        self._each(lambda tracker: tracker.start(history))

    def log(self, row: dict[str, float], step: int) -> None:
        self._each(lambda tracker: tracker.log(row, step))

    def finish(self, result: dict[str, Any]) -> None:
        self._each(lambda tracker: tracker.finish(result))

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                call(tracker)
            except Exception as error:  # whatever a back end raises, the training goes on
                self._trackers.remove(tracker)
                log.warning("tracking: %s failed and is left out from now on: %s", type(tracker).__name__, error)


def open_trackers(config: TrackingConfig, identity: RunIdentity) -> Trackers:
    """history.jsonl, and W&B where chosen and startable; where not, one warning and the files alone."""
    from mlqa.tracking.files import FileTracker

    trackers: list[Tracker] = [FileTracker(identity.directory)]
    if config.backend is TrackingBackend.wandb:
        try:
            from mlqa.tracking.wandb import WandbTracker

            trackers.append(WandbTracker(config, identity))
        except (Exception, SystemExit) as error:
            log.warning("tracking: W&B could not start (%s); this run is tracked in files only", first_line(error))
    return Trackers(trackers)
