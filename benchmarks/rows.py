"""The rows that every benchmark ends with: what was measured, ours beside a peer, the ratio and its target."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

COLUMNS = ("what", "ours", "peer", "ratio", "target", "met")


@dataclass(frozen=True)
class Row:
    """One measurement. Less is better in every unit.

    Attributes:
        what: What was measured, in a few words.
        ours: The value of each round.
        peer: The peer's value in the same rounds, or nothing if there is none.
        peer_name: Who the peer is.
        unit: "s", "MB", "calls" ...
        at_least: Target: the peer takes at least this many times as much as ours.
        at_most: Target: ours takes at most this many times as much as the peer.
        is_overhead: Whether the ratio is ours over the peer's, as with `at_most`.
    """

    what: str
    ours: list[float]
    peer: list[float] | None = None
    peer_name: str = ""
    unit: str = "s"
    at_least: float | None = None
    at_most: float | None = None
    is_overhead: bool = False

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round: the peer's over ours, or ours over the peer's if it is an overhead."""
        is_overhead = self.is_overhead or self.at_most
        pairs = zip(self.ours, self.peer or [], strict=bool(self.peer))
        return [ours / peer if is_overhead else peer / ours for ours, peer in pairs]

    @property
    def is_met(self) -> bool | None:
        """Whether the median ratio meets the target, or None without a target or a peer."""
        if not self.ratios or not (self.at_least or self.at_most):
            return None
        ratio = statistics.median(self.ratios)
        return ratio >= self.at_least if self.at_least else ratio <= (self.at_most or 0)

    def format_cells(self, is_smoke: bool) -> tuple[str, ...]:
        """Return the row's cells. A smoke run is not held to targets."""
        target = f">= {self.at_least:g}" if self.at_least else f"<= {self.at_most:g}" if self.at_most else ""
        ratio = ""
        if self.ratios:
            ratio = f"{statistics.median(self.ratios):.2f}"
            if len(self.ratios) > 1:
                ratio += f" ({min(self.ratios):.2f} ... {max(self.ratios):.2f})"
        met = {True: "yes", False: "NO", None: "no peer" if target else ""}[self.is_met]
        peer = f"{self.peer_name} {_format_median(self.peer, self.unit)}" if self.peer else ""
        return self.what, _format_median(self.ours, self.unit), peer, ratio, target, "" if is_smoke else met


def _format_median(values: list[float], unit: str) -> str:
    value = statistics.median(values)
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2 if value >= 1 else 4
    return f"{value:,.{digits}f} {unit}"


def print_rows(rows: Iterable[Row], is_smoke: bool) -> None:
    """Print a table of medians. The ratio has the least and the greatest of the rounds behind it."""
    title = "a smoke run: it shows that the benchmarks work, and its figures mean nothing" if is_smoke else None
    table = Table(title=title)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "what" else "right", overflow="fold")
    for row in rows:
        table.add_row(*row.format_cells(is_smoke))
    Console(width=None if Console().is_terminal else 160).print(table)


def write_markdown(path: Path, rows: Iterable[Row], is_smoke: bool) -> None:
    """Write the rows that have a peer or a limit beside them in Markdown, for docs/performance.md."""
    compared = [row.format_cells(is_smoke) for row in rows if row.ratios]
    cells = [COLUMNS, ("---", *["--:"] * (len(COLUMNS) - 1)), *compared]
    path.write_text("".join(f"| {' | '.join(line)} |\n" for line in cells), "utf-8")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows as JSON lines."""
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), "utf-8")


def read_rows(path: Path) -> list[Row]:
    """Read the rows that `write_rows` wrote."""
    return [Row(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]
