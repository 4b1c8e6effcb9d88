"""The cells of tables, the same for page, CSV and Markdown.

A cell is what is shown and what is sorted by; numbers that are not known are empty, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.report.names import shorten_name
from mlqa.report.reading import coerce_finite


@dataclass(frozen=True)
class Cell:
    """`value`: what a column is sorted by, None where nothing is known; `detail` stands below or after the text;
    `title` is the whole text where `text` was cut."""

    text: str
    value: float | str | None = None
    detail: str = ""
    title: str = ""

    @property
    def line(self) -> str:
        """Text and detail in one line."""
        return f"{self.text} {self.detail}".rstrip()


@dataclass(frozen=True)
class Column:
    heading: str
    is_number: bool
    can_filter: bool = False  # a choice of its values is offered


def make_text_cell(text: Any) -> Cell:
    """A text as it is."""
    return Cell(str(text), str(text))


def make_name_cell(whole: str, shown: str | None = None) -> Cell:
    """A name, as it is shown where that is given, else cut where it is very long."""
    shown = shorten_name(whole) if shown is None else shown
    return Cell(shown, whole, title="" if shown == whole else whole)


def make_number_cell(value: Any, form: str) -> Cell:
    """A number in the format `form`; empty for anything else."""
    if coerce_finite(value) is None:
        return Cell("")
    return Cell(f"{value:{form}}", value)


def find_filled_columns(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Indices of the columns in which any row has something: a column of blanks tells nothing."""
    return [index for index in range(len(columns)) if any(row[index].text for row in rows)]
