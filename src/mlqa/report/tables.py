"""Render results.csv for spreadsheets and scripts, and results.md for issues and pull requests."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from mlqa.display.html import render_template
from mlqa.report.cells import build_table
from mlqa.report.content import Report
from mlqa.report.member_rows import CSV_COLUMNS, MEMBERS
from mlqa.report.members import Member
from mlqa.report.reference import DATASET
from mlqa.report.rows import PUBLISHED, TABLES, build_pair_table

_MARKDOWN = re.compile(r"([\\`*{}\[\]<>#|~]|\b_|_\b)")  # an underscore inside a word marks nothing
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MOST_PAIRS = 30
SHARED = ("commit", "versions", "data")  # stated once if all members have the same


def render_csv(report: Report) -> str:
    """Render one row per member, also of those that failed.

    Args:
        report: The report.

    Returns:
        CSV with unrounded numbers. An unknown number is empty.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([name for name, _ in CSV_COLUMNS])
    for member in report.members:
        writer.writerow([_escape_formula(value(member)) for _, value in CSV_COLUMNS])
    return file.getvalue()


def _escape_formula(value: Any) -> Any:
    """Prefix a text with an apostrophe if a spreadsheet would read it as a formula."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def render_markdown(report: Report) -> str:
    """Render the answer and the tables of the page, without its figures.

    Args:
        report: The report.

    Returns:
        Markdown.
    """
    p_holm = attrgetter("p_holm")
    comparisons = report.comparisons
    members = [member for member in report.members if member.is_compared]
    shared = _find_shared_texts(members)
    text = render_template(
        "mlqa.report",
        "results.md.j2",
        _escape_markdown,
        report=report,
        tables=[[build_table(columns, one.configurations) for columns in TABLES.values()] for one in comparisons],
        pairs=[build_pair_table(one, sorted(one.differences, key=p_holm)[:MOST_PAIRS]) for one in comparisons],
        published=build_table(PUBLISHED, report.published),
        published_data=DATASET,
        shared=shared,
        members=build_table([column for column in MEMBERS if column.heading not in shared], members),
    )
    return text.rstrip() + "\n"


def _find_shared_texts(members: Sequence[Member]) -> dict[str, str]:
    """Return what the columns `SHARED` say of every member, if it is the same and there are several members."""
    shared = {}
    for column in MEMBERS if len(members) > 1 else ():
        texts = {column.make_cell(member).text for member in members}
        if column.heading in SHARED and len(texts) == 1 and "" not in texts:
            shared[column.heading] = texts.pop()
    return shared


def _escape_markdown(text: Any) -> str:
    """Escape a text so that a line of Markdown shows it unchanged."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))
