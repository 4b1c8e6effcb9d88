"""Tables for the page and for Markdown.

A cell holds what is shown and what its column is sorted by. An unknown number is empty, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.report.names import shorten_name
from mlqa.report.reading import coerce_finite


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What is shown.
        value: What a column of numbers is sorted by, None if nothing is known.
        detail: Shown below or after the text.
        title: The full text if `text` was shortened.
        link: The address that the page links the text to, "" for none.
    """

    text: str
    value: float | None = None
    detail: str = ""
    title: str = ""
    link: str = ""

    @property
    def line(self) -> str:
        """Text and detail on one line."""
        return f"{self.text} {self.detail}".rstrip()


@dataclass(frozen=True)
class Column:
    """A column of a table, and what makes its cells.

    Attributes:
        heading: Its name.
        make_cell: Makes the cell of an item.
        is_number: Whether it is sorted by the cells' values.
        can_filter: Whether the page offers a choice of its values.
        is_cost: Whether less is better, so that the first click sorts the least first.
    """

    heading: str
    make_cell: Callable[[Any], Cell]
    is_number: bool = True
    can_filter: bool = False
    is_cost: bool = False


@dataclass(frozen=True)
class Table:
    """Columns and rows. Each row has one cell per column."""

    columns: list[Column]
    rows: list[list[Cell]]


def build_table(columns: Sequence[Column], items: Sequence[Any]) -> Table:
    """Build a table without the columns in which every cell is empty.

    Args:
        columns: All columns.
        items: What each row is made of, e.g. a configuration.
    """
    cells = [[column.make_cell(item) for item in items] for column in columns]
    kept = [index for index, of_column in enumerate(cells) if any(cell.text for cell in of_column)]
    return Table(
        [columns[index] for index in kept], [[cells[index][row] for index in kept] for row in range(len(items))]
    )


def make_number_column(heading: str, form: str, get: Callable[[Any], Any], is_cost: bool = False) -> Column:
    """Make a column of numbers in the format `form`. A cell is empty if its value is not a finite number."""

    def make_cell(item: Any) -> Cell:
        value = get(item)
        return Cell("") if coerce_finite(value) is None else Cell(f"{value:{form}}", value)

    return Column(heading, make_cell, is_cost=is_cost)


def make_text_column(heading: str, get: Callable[[Any], str], can_filter: bool = False) -> Column:
    """Make a column of texts."""
    return Column(heading, lambda item: Cell(get(item)), False, can_filter)


def make_name_cell(name: str, shown: str | None = None, detail: str = "") -> Cell:
    """Make a cell of a name.

    Args:
        name: The full name.
        shown: The name as it is shown. None means the full name, shortened if it is very long.
        detail: Shown below the name.
    """
    shown = shorten_name(name) if shown is None else shown
    return Cell(shown, detail=detail, title="" if shown == name else name)
