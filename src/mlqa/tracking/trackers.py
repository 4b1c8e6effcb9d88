"""The trackers of a run, combined so that no failure of theirs stops the training."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlqa.config.schema import TrackingBackend, TrackingConfig
from mlqa.errors import summarize_error
from mlqa.tracking.files import FileTracker
from mlqa.tracking.names import read_history
from mlqa.tracking.protocol import Page, RunIdentity, Table, Tracker
from mlqa.tracking.tables import build_evaluation_table

log = logging.getLogger(__name__)


class Trackers:
    """Several trackers that are called together and never raise."""

    def __init__(self, trackers: list[Tracker]) -> None:
        self._trackers = trackers
        self._failed: list[Tracker] = []
        self._evaluated: tuple[int, dict[str, Any]] = (-1, {})  # the step and the scores of the last evaluation

    def extend(self, more: Trackers) -> None:
        """Also call the trackers of `more`."""
        self._trackers += more._trackers

    def collect_places(self) -> dict[str, Any]:
        """Collect how to find the run at each tracker.

        Returns:
            The node `tracking` of result.json, e.g. {"wandb": {"project", "id", ...}}.
        """
        return {name: place for tracker in self._trackers for name, place in tracker.place.items()}

    def start(self, history: Path | None) -> None:
        """Start each tracker.

        Args:
            history: The history.jsonl of the earlier steps if training resumes from a checkpoint, else None.
        """
        for row in read_history(history):
            self._drop_repeated(row, row["step"])
        self._call_each(lambda tracker: tracker.start(history))

    def log(self, row: dict[str, float], step: int) -> None:
        """Log metrics to each tracker. A score that the last evaluation of the same step had is not logged again.

        Args:
            row: Value of each metric.
            step: Number of optimizer steps so far.
        """
        if rest := self._drop_repeated(row, step):
            self._call_each(lambda tracker: tracker.log(rest, step))

    def log_table(self, table: Table) -> None:
        """Log a table to each tracker."""
        self._call_each(lambda tracker: tracker.log_table(table))

    def log_page(self, page: Page) -> None:
        """Log a page to each tracker."""
        self._call_each(lambda tracker: tracker.log_page(page))

    def finish(self, result: dict[str, Any]) -> None:
        """Log the scores on each set and finish each tracker, also those that failed before.

        Args:
            result: Content of result.json, whatever its status.
        """
        self.log_table(build_evaluation_table(result))
        self._call_each(lambda tracker: tracker.finish(result))
        for tracker in self._failed:  # an unfinished W&B run would receive the next member's rows
            try:
                tracker.finish(result)
            except Exception as error:
                log.debug("tracking: %s could not be closed: %s", type(tracker).__name__, error)

    def _drop_repeated(self, row: dict[str, Any], step: int) -> dict[str, Any]:
        """Return the row without the scores of the last evaluation, if the step is still the same."""
        scores = {name: value for name, value in row.items() if name.startswith("eval_")}
        if not scores:
            return row
        known = self._evaluated[1] if self._evaluated[0] == step else {}
        self._evaluated = (step, {**known, **scores})
        return {name: value for name, value in row.items() if name not in known or known[name] != value}

    def _call_each(self, call: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                call(tracker)
            except Exception as error:  # whatever a backend raises, the training continues
                self._trackers.remove(tracker)
                self._failed.append(tracker)
                log.warning(
                    "tracking: %s failed and is not used from now on: %s",
                    type(tracker).__name__,
                    summarize_error(error),
                )


# The tracker of each backend, as <module>:<class>. The module imports the backend's package, which only its users need.
TRACKERS = {
    TrackingBackend.wandb: "mlqa.tracking.wandb:WandbTracker",
    TrackingBackend.trackio: "mlqa.tracking.trackio:TrackioTracker",
}


def load_tracker(backend: TrackingBackend) -> Any:
    """Import the tracker of a backend.

    Returns:
        A subclass of `Tracker`, which is opened with the node `tracking` and the identity of a run.
    """
    module, _, name = TRACKERS[backend].partition(":")
    return getattr(importlib.import_module(module), name)


def open_trackers(config: TrackingConfig, identity: RunIdentity) -> Trackers:
    """Open the trackers of a run: the files, and the backend of the config.

    If the backend cannot start, log one warning and track in files only.

    Args:
        config: The node `tracking`.
        identity: Identity of the run.
    """
    trackers: list[Tracker] = [FileTracker(identity.directory)]
    if config.backend in TRACKERS:
        try:
            trackers.append(load_tracker(config.backend)(config, identity))
        except (Exception, SystemExit) as error:
            log.warning(
                "tracking: %s could not start (%s); this run is tracked in files only",
                config.backend.value,
                summarize_error(error),
            )
    return Trackers(trackers)
