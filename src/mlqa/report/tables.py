"""Render results.csv for spreadsheets and scripts, and results.md for issues and pull requests."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from mlqa.report.cells import Table, build_table
from mlqa.report.comparison import Comparison
from mlqa.report.content import Report
from mlqa.report.member_rows import CSV_COLUMNS, MEMBERS, NOT_COMPARED
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
    lines = [
        f"# {_escape_markdown(report.title)}",
        "",
        _escape_markdown(f"{report.format_status_counts()}{report.format_spending()}."),
        "",
    ]
    for comparison, advice in zip(report.comparisons, report.advice, strict=True):
        lines += [f"## {_escape_markdown(comparison.dataset)}", ""]
        for item in advice:
            verdict = "supported" if item.is_supported else "not supported by the data"
            lines += [f"**{_escape_markdown(item.question)}** ({verdict}): {_escape_markdown(item.claim)}", ""]
            lines += [*(f"- {_escape_markdown(line)}" for line in item.evidence), ""]
        for columns in TABLES.values():
            lines += _render_table(build_table(columns, comparison.configurations))
        lines += _render_pairs(comparison)
    if report.published:
        lines += [f"## Published: the original experiment ({DATASET})", ""]
        lines += _render_table(build_table(PUBLISHED, report.published))
    if report.not_completed:
        rows = [[column.make_cell(member) for column in NOT_COMPARED] for member in report.not_completed]
        lines += ["## Not compared", "", *_render_table(Table([*NOT_COMPARED], rows))]
    lines += _render_provenance(report)
    return "\n".join(lines).rstrip() + "\n"


def _render_pairs(comparison: Comparison) -> list[str]:
    if not comparison.differences:
        return []
    shown = sorted(comparison.differences, key=lambda one: one.p_holm)[:MOST_PAIRS]
    lines = _render_table(build_pair_table(comparison, shown))
    left = len(comparison.differences) - len(shown)
    return [*lines, f"These are the pairs with the smallest p. The page has {left} more.", ""] if left else lines


def _render_provenance(report: Report) -> list[str]:
    """Render what the members were given and ran with: one row per member, after what all of them share."""
    lines = ["## Provenance", "", *(f"- {_escape_markdown(problem)}" for problem in report.list_problems())]
    members = [member for member in report.members if member.is_compared]
    columns = list(MEMBERS)
    for column in MEMBERS if len(members) > 1 else ():
        texts = {column.make_cell(member).text for member in members}
        if column.heading in SHARED and len(texts) == 1 and "" not in texts:
            columns.remove(column)
            lines.append(f"- {column.heading} of every member with a score: {_escape_markdown(*texts)}")
    if lines[-1]:
        lines.append("")
    if members:
        lines += _render_table(build_table(columns, members))
    return lines if len(lines) > 2 else []


def _render_table(table: Table) -> list[str]:
    marks = "|".join("---:" if column.is_number else "---" for column in table.columns)
    rows = [" | ".join(_escape_markdown(cell.line) for cell in row) for row in table.rows]
    head = " | ".join(column.heading for column in table.columns)
    return [f"| {head} |", f"|{marks}|", *(f"| {row} |" for row in rows), ""]


def _escape_markdown(text: str) -> str:
    """Escape a text so that a line of Markdown shows it unchanged."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
