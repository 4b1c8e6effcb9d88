"""The interface of trackers. A run always logs to history.jsonl, and also to a service if the config says so.

A tracker is a subclass of `Tracker`. If one fails, the run logs one warning and does not call it
again until `finish`. No tracker ever stops a training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mlqa.config.schema import TrackingConfig

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class RunIdentity:
    """The identity of a run in plain values. A run that is resumed keeps it."""

    id: str  # tells this run from every other one: sweep, member, model, hardware, seed and hash
    group: str | None  # the sweep, None for a single run
    tags: tuple[str, ...]
    config: dict[str, Any]
    directory: Path
    usd_per_hour: float | None = None  # for all instances, if it is known before the run
    name: str = ""  # what people read, e.g. "berturk · tquad · g6 · s42 · 3f2a". Several runs may share it
    notes: str | None = None
    job_type: str = "train"
    commit: str | None = None  # of the program, None if it is not known
    diff: str = field(default="", repr=False)  # what the program has that the commit has not, as git shows it


class Table(NamedTuple):
    """Rows of plain cells, one type per column. `bar` names the label and the number of a bar chart of the rows."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    bar: tuple[str, str] | None = None


class Page(NamedTuple):
    """An HTML document without scripts that fetches nothing."""

    name: str
    html: str


class Logged(NamedTuple):
    """What a service has of a run, under its own names: rows with the step under `names.STEP`, summary and media.

    `place` says how to find the run there, as `Tracker.place` does.
    """

    rows: list[dict[str, Any]]
    summary: dict[str, Any]
    place: dict[str, Any] = {}  # noqa: RUF012

    def has_table(self, name: str) -> bool:
        """Return whether the service has a table or a page of this name."""
        return any(key == name or key.startswith(f"{name}.") for key in self.summary)


class Tracker:
    """A destination for the metrics of one run. A method that a tracker does not define does nothing."""

    # How to find the run, for result.json. It holds no secret, and nothing if the run directory is the place.
    place: dict[str, Any] = {}  # noqa: RUF012

    def start(self, history: Path | None) -> None:
        """Begin to record.

        Args:
            history: The history.jsonl of the earlier steps if training resumes from a checkpoint, else None.
        """

    def log(self, row: dict[str, float], step: int) -> None:
        """Record metrics.

        Args:
            row: Value of each metric.
            step: Number of optimizer steps so far.
        """

    def log_table(self, table: Table) -> None:
        """Record a table. Each table is logged once per run."""

    def log_page(self, page: Page) -> None:
        """Record a page. Each page is logged once per run."""

    def finish(self, result: dict[str, Any]) -> None:
        """Record the result and close. This is called once, also after a failure.

        Args:
            result: Content of result.json, whatever its status.
        """

    @classmethod
    def read_logged(cls, config: TrackingConfig, identity: RunIdentity) -> Logged | None:
        """Read back what the service has of a run, so that `mlqa sync` adds only what is missing.

        Args:
            config: The node `tracking`.
            identity: Identity of the run.

        Returns:
            None if the service does not know the run.

        Raises:
            MlqaError: The service cannot be asked.
        """
        raise NotImplementedError
