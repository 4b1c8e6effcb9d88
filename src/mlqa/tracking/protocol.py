"""Where a run's metrics go while it trains: always to history.jsonl, and to W&B where the config says so.

A tracker is anything with the methods of `Tracker`. One that fails says so once and hears no more until the end: no
tracker ever stops a training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

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

    def log_table(self, table: Table) -> None:
        """Takes a table, shown once a run."""

    def finish(self, result: dict[str, Any]) -> None:
        """Takes the content of result.json, whatever its status, and closes; called once, also after a failure."""
