"""Tables for the page and for Markdown.

A cell holds what is shown and what its column is sorted by. An unknown number is empty, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.report.names import shorten_name
from mlqa.report.reading import coerce_finite


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What is shown.
        value: What the column is sorted by, None if nothing is known.
        detail: Shown below or after the text.
        title: The full text if `text` was shortened.
    """

    text: str
    value: float | str | None = None
    detail: str = ""
    title: str = ""

    @property
    def line(self) -> str:
        """Text and detail on one line."""
        return f"{self.text} {self.detail}".rstrip()


@dataclass(frozen=True)
class Column:
    """A column of a table. `can_filter` offers a choice of its values on the page."""

    heading: str
    is_number: bool
    can_filter: bool = False


@dataclass(frozen=True)
class Table:
    """Columns and rows. Each row has one cell per column."""

    columns: list[Column]
    rows: list[list[Cell]]


def build_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Table:
    """Build a table without the columns in which every cell is empty.

    Args:
        columns: All columns.
        rows: One cell per column each.
    """
    kept = [index for index in range(len(columns)) if any(row[index].text for row in rows)]
    return Table([columns[index] for index in kept], [[row[index] for index in kept] for row in rows])


def make_text_cell(text: Any) -> Cell:
    """Make a cell of a text."""
    return Cell(str(text), str(text))


def make_name_cell(name: str, shown: str | None = None) -> Cell:
    """Make a cell of a name.

    Args:
        name: The full name.
        shown: The name as it is shown. None means the full name, shortened if it is very long.
    """
    shown = shorten_name(name) if shown is None else shown
    return Cell(shown, name, title="" if shown == name else name)


def make_number_cell(value: Any, form: str) -> Cell:
    """Make a cell of a number in the format `form`. The cell is empty if `value` is not a finite number."""
    if coerce_finite(value) is None:
        return Cell("")
    return Cell(f"{value:{form}}", value)
