"""results.csv for spreadsheets and scripts, results.md for issues and pull requests."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from mlqa.report.build import Report
from mlqa.report.reference import DATASET
from mlqa.report.rows import (
    CSV_COLUMNS,
    RESULT_COLUMNS,
    SCORE_COLUMNS,
    Cell,
    Column,
    filled,
    published_row,
    result_row,
    score_row,
)

_MARKDOWN = re.compile(r"([\\`*{}\[\]<>#|~]|\b_|_\b)")  # an underscore inside a word is just that
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MOST_PAIRS = 30


def as_csv(report: Report) -> str:
    """A row a member, also of those that failed; numbers as they are, an unknown one empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([name for name, _ in CSV_COLUMNS])
    for member in report.members:
        writer.writerow([_csv_cell(value(member)) for _, value in CSV_COLUMNS])
    return file.getvalue()


def _csv_cell(value: Any) -> Any:
    """Texts that a spreadsheet would take for a formula get an apostrophe before them."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_markdown(report: Report) -> str:
    """The page's answer and tables, without its figures."""
    lines = [f"# {_escape(report.title)}", "", _escape(_summary(report)), ""]
    for comparison, advice in zip(report.comparisons, report.advice, strict=True):
        lines += [f"## {_escape(comparison.dataset)}", ""]
        for item in advice:
            surely = "supported" if item.is_supported else "not supported by the data"
            lines += [f"**{_escape(item.question)}** ({surely}): {_escape(item.claim)}", ""]
            lines += [*(f"- {_escape(line)}" for line in item.evidence), ""]
        lines += _table(RESULT_COLUMNS, [result_row(one) for one in comparison.configurations])
        lines += _table(SCORE_COLUMNS, [score_row(one) for one in comparison.configurations])
        if comparison.differences:
            names = [_escape(one.name) for one in comparison.compared]
            lines += ["| pair | F1 difference | 95 % interval | p | p, Holm | |", "|---|---|---|---|---|---|"]
            for found in sorted(comparison.differences, key=lambda one: one.p_holm)[:MOST_PAIRS]:
                lines.append(
                    f"| {names[found.first]} − {names[found.second]} | {found.mean:+.2f} | {found.low:+.2f} … "
                    f"{found.high:+.2f} | {found.p:.4f} | {found.p_holm:.4f} | "
                    f"{'significant' if found.is_significant else ''} |"
                )
            lines.append("")
            left = len(comparison.differences) - MOST_PAIRS
            if left > 0:
                lines += [f"The pairs of the least p; {left} more are on the page.", ""]
    if report.published:
        lines += [f"## Published: the original experiment ({DATASET})", ""]
        lines += _table(RESULT_COLUMNS, [published_row(row) for row in report.published])
    if report.not_completed:
        lines += ["## Not compared", "", "| member | status | reason | overrides |", "|---|---|---|---|"]
        for member in report.not_completed:
            cells = (member.label, member.status, member.reason or "", " ".join(member.overrides))
            lines.append(f"| {' | '.join(_escape(cell) for cell in cells)} |")
        lines.append("")
    lines += [f"- {_escape(problem)}" for problem in report.problems()]
    return "\n".join(lines).rstrip() + "\n"


def _summary(report: Report) -> str:
    return f"{report.counts()}{report.spent()}."


def _table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[str]:
    kept = filled(columns, rows)
    lines = [
        f"| {' | '.join(columns[index].heading for index in kept)} |",
        f"|{'|'.join('---:' if columns[index].is_number else '---' for index in kept)}|",
    ]
    lines += [f"| {' | '.join(_escape(row[index].line) for index in kept)} |" for row in rows]
    return [*lines, ""]


def _escape(text: str) -> str:
    """Any text as itself in a line of Markdown."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
