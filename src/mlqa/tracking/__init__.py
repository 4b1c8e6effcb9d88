"""Where a run's metrics go while it trains: always to history.jsonl, and to W&B where the config says so.

A tracker is anything with the methods of `Tracker`. One that fails says so once and hears no more until the end: no
tracker ever stops a training.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mlqa.config import TrackingBackend, TrackingConfig
from mlqa.errors import first_line

log = logging.getLogger(__name__)
Cell = str | int | float | None


@dataclass(frozen=True)
class RunIdentity:
    """Who a run is, in plain values: the same for a run that goes on after an interruption."""

    name: str  # model-hardware-seed-hash, after the sweep's name
    group: str | None  # the sweep; None for a run of its own
    tags: tuple[str, ...]
    config: dict[str, Any]
    directory: Path
    usd_per_hour: float | None = None  # of all instances, where it is known before the run


class Table(NamedTuple):
    """Rows of plain cells, a type a column; `bar` names the label and the number of a bar chart of it."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    bar: tuple[str, str] | None = None


class Tracker(Protocol):
    place: dict[str, Any]  # where the run can be found, for result.json; no secret

    def start(self, history: Path | None) -> None:
        """Training begins: anew, or from a checkpoint, which keeps the history.jsonl of the steps before it."""

    def log(self, row: dict[str, float], step: int) -> None:
        """Takes the metrics of one moment; `step` counts optimizer steps."""

    def table(self, table: Table) -> None:
        """Takes a table, shown once a run."""

    def finish(self, result: dict[str, Any]) -> None:
        """Takes the content of result.json, whatever its status, and closes; called once, also after a failure."""


class Trackers:
    """Several trackers as one that cannot fail."""

    def __init__(self, trackers: list[Tracker]) -> None:
        self._trackers = trackers
        self._failed: list[Tracker] = []

    def places(self) -> dict[str, Any]:
        """{"wandb": {"project", "id", ...}}: what result.json says of the trackers."""
        found: dict[str, Any] = {}
        for tracker in self._trackers:
            found |= tracker.place
        return found

    def start(self, history: Path | None) -> None:
        self._each(lambda tracker: tracker.start(history))

    def log(self, row: dict[str, float], step: int) -> None:
        self._each(lambda tracker: tracker.log(row, step))

    def table(self, table: Table) -> None:
        self._each(lambda tracker: tracker.table(table))

    def finish(self, result: dict[str, Any]) -> None:
        self._each(lambda tracker: tracker.finish(result))
        for tracker in self._failed:  # an unfinished W&B run would take in the next member's rows
            try:
                tracker.finish(result)
            except Exception as error:
                log.debug("tracking: %s could not be closed: %s", type(tracker).__name__, error)

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                call(tracker)
            except Exception as error:  # whatever a back end raises, the training goes on
                self._trackers.remove(tracker)
                self._failed.append(tracker)
                log.warning(
                    "tracking: %s failed and is left out from now on: %s", type(tracker).__name__, first_line(error)
                )


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
