"""Several trackers as one that cannot fail: the trackers that the config asks for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlqa.config.schema import TrackingBackend, TrackingConfig
from mlqa.errors import summarize_error
from mlqa.tracking.files import FileTracker
from mlqa.tracking.protocol import RunIdentity, Table, Tracker

log = logging.getLogger(__name__)


class Trackers:
    """Several trackers as one that cannot fail."""

    def __init__(self, trackers: list[Tracker]) -> None:
        self._trackers = trackers
        self._failed: list[Tracker] = []

    def collect_places(self) -> dict[str, Any]:
        """{"wandb": {"project", "id", ...}}: what result.json says of the trackers."""
        found: dict[str, Any] = {}
        for tracker in self._trackers:
            found |= tracker.place
        return found

    def start(self, history: Path | None) -> None:
        self._call_each(lambda tracker: tracker.start(history))

    def log(self, row: dict[str, float], step: int) -> None:
        self._call_each(lambda tracker: tracker.log(row, step))

    def log_table(self, table: Table) -> None:
        self._call_each(lambda tracker: tracker.log_table(table))

    def finish(self, result: dict[str, Any]) -> None:
        self._call_each(lambda tracker: tracker.finish(result))
        for tracker in self._failed:  # an unfinished W&B run would take in the next member's rows
            try:
                tracker.finish(result)
            except Exception as error:
                log.debug("tracking: %s could not be closed: %s", type(tracker).__name__, error)

    def _call_each(self, call: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                call(tracker)
            except Exception as error:  # whatever a back end raises, the training goes on
                self._trackers.remove(tracker)
                self._failed.append(tracker)
                log.warning(
                    "tracking: %s failed and is left out from now on: %s",
                    type(tracker).__name__,
                    summarize_error(error),
                )


def open_trackers(config: TrackingConfig, identity: RunIdentity) -> Trackers:
    """history.jsonl, and W&B where chosen and startable; where not, one warning and the files alone."""
    trackers: list[Tracker] = [FileTracker(identity.directory)]
    if config.backend is TrackingBackend.wandb:
        try:
            from mlqa.tracking.wandb import WandbTracker

            trackers.append(WandbTracker(config, identity))
        except (Exception, SystemExit) as error:
            log.warning("tracking: W&B could not start (%s); this run is tracked in files only", summarize_error(error))
    return Trackers(trackers)
