"""results.csv for spreadsheets and scripts, results.md for issues and pull requests."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from mlqa.report.cells import Cell, Column, find_filled_columns
from mlqa.report.comparison import Comparison
from mlqa.report.content import Report
from mlqa.report.member_rows import CSV_COLUMNS, MEMBER_COLUMNS, make_member_row
from mlqa.report.reference import DATASET
from mlqa.report.rows import (
    RESULT_COLUMNS,
    SCORE_COLUMNS,
    TOKENIZER_COLUMNS,
    make_published_row,
    make_result_row,
    make_score_row,
    make_tokenizer_row,
)

_MARKDOWN = re.compile(r"([\\`*{}\[\]<>#|~]|\b_|_\b)")  # an underscore inside a word is just that
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MOST_PAIRS = 30
SHARED = ("commit", "versions", "data")  # said once, where all members have the same


def render_csv(report: Report) -> str:
    """A row a member, also of those that failed; numbers as they are, an unknown one empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([name for name, _ in CSV_COLUMNS])
    for member in report.members:
        writer.writerow([_escape_formula(value(member)) for _, value in CSV_COLUMNS])
    return file.getvalue()


def _escape_formula(value: Any) -> Any:
    """Texts that a spreadsheet would take for a formula get an apostrophe before them."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def render_markdown(report: Report) -> str:
    """The page's answer and tables, without its figures."""
    lines = [f"# {_escape_markdown(report.title)}", "", _escape_markdown(_render_summary(report)), ""]
    for comparison, advice in zip(report.comparisons, report.advice, strict=True):
        lines += [f"## {_escape_markdown(comparison.dataset)}", ""]
        for item in advice:
            surely = "supported" if item.is_supported else "not supported by the data"
            lines += [f"**{_escape_markdown(item.question)}** ({surely}): {_escape_markdown(item.claim)}", ""]
            lines += [*(f"- {_escape_markdown(line)}" for line in item.evidence), ""]
        lines += _render_table(RESULT_COLUMNS, [make_result_row(one) for one in comparison.configurations])
        lines += _render_table(SCORE_COLUMNS, [make_score_row(one) for one in comparison.configurations])
        lines += _render_table(TOKENIZER_COLUMNS, [make_tokenizer_row(one) for one in comparison.configurations])
        lines += _render_pairs(comparison)
    if report.published:
        lines += [f"## Published: the original experiment ({DATASET})", ""]
        lines += _render_table(RESULT_COLUMNS, [make_published_row(row) for row in report.published])
    if report.not_completed:
        lines += ["## Not compared", "", "| member | status | reason | overrides |", "|---|---|---|---|"]
        for member in report.not_completed:
            cells = (member.label, member.status, member.reason or "", " ".join(member.overrides))
            lines.append(f"| {' | '.join(_escape_markdown(cell) for cell in cells)} |")
        lines.append("")
    lines += _render_provenance(report)
    return "\n".join(lines).rstrip() + "\n"


def _render_pairs(comparison: Comparison) -> list[str]:
    """The differences of least p, over all questions and, where these are not all, over unseen contexts."""
    if not comparison.differences:
        return []
    columns = [Column("pair", False), Column("F1 difference", True), Column("95 % interval", True), Column("p", True)]
    columns += [Column("p, Holm", True), Column("verdict", False)]
    if comparison.unseen_differences:
        columns += [Column(f"unseen: {heading}", True) for heading in ("F1 difference", "95 % interval", "p, Holm")]
    names = [one.name for one in comparison.compared]
    unseen_of = {(one.first, one.second): one for one in comparison.unseen_differences}
    rows = []
    for found in sorted(comparison.differences, key=lambda one: one.p_holm)[:MOST_PAIRS]:
        texts = [f"{names[found.first]} − {names[found.second]}", f"{found.mean:+.2f}"]
        texts += [f"{found.low:+.2f} … {found.high:+.2f}", f"{found.p:.4f}", f"{found.p_holm:.4f}"]
        texts.append("significant" if found.is_significant else "not significant")
        unseen = unseen_of.get((found.first, found.second))
        if unseen is not None:
            texts += [f"{unseen.mean:+.2f}", f"{unseen.low:+.2f} … {unseen.high:+.2f}", f"{unseen.p_holm:.4f}"]
        rows.append([Cell(text) for text in texts])
    lines = _render_table(columns, rows)
    left = len(comparison.differences) - MOST_PAIRS
    return [*lines, f"The pairs of the least p; {left} more are on the page.", ""] if left > 0 else lines


def _render_provenance(report: Report) -> list[str]:
    """What members were told and ran with: what all of them share once, the rest a row a member."""
    lines = ["## Provenance", "", *(f"- {_escape_markdown(problem)}" for problem in report.list_problems())]
    rows = [make_member_row(member) for member in report.members if member.is_compared]
    shared = []
    for index in find_filled_columns(MEMBER_COLUMNS, rows) if len(rows) > 1 else []:
        heading = MEMBER_COLUMNS[index].heading
        if heading in SHARED and len({row[index].text for row in rows}) == 1:
            shared.append(index)
            lines.append(f"- {heading} of every member with a score: {_escape_markdown(rows[0][index].text)}")
    if lines[-1]:
        lines.append("")
    kept = [index for index in range(len(MEMBER_COLUMNS)) if index not in shared]
    if rows:
        lines += _render_table(
            [MEMBER_COLUMNS[index] for index in kept], [[row[index] for index in kept] for row in rows]
        )
    return lines if len(lines) > 2 else []


def _render_summary(report: Report) -> str:
    return f"{report.format_status_counts()}{report.format_spending()}."


def _render_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[str]:
    kept = find_filled_columns(columns, rows)
    lines = [
        f"| {' | '.join(columns[index].heading for index in kept)} |",
        f"|{'|'.join('---:' if columns[index].is_number else '---' for index in kept)}|",
    ]
    lines += [f"| {' | '.join(_escape_markdown(row[index].line) for index in kept)} |" for row in rows]
    return [*lines, ""]


def _escape_markdown(text: str) -> str:
    """Any text as itself in a line of Markdown."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
