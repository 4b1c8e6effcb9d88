"""Render results.csv for spreadsheets and scripts, and results.md for issues and pull requests."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from mlqa.display.html import render_template
from mlqa.report.cells import build_table
from mlqa.report.content import Report
from mlqa.report.endpoints import build_endpoint_table
from mlqa.report.member import Member
from mlqa.report.member_rows import MEMBERS, list_csv_columns
from mlqa.report.pair_rows import build_pair_table
from mlqa.report.published_rows import build_published_table
from mlqa.report.race_rows import build_race_table
from mlqa.report.rows import (
    build_configuration_table,
    build_score_table,
    build_tokenizer_table,
    build_transfer_table,
    build_treatment_table,
)
from mlqa.report.tokenizer_effects import build_correlation_table, build_effect_table, measure_tokenizer_effects

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
    columns = list_csv_columns(report.members)
    writer.writerow([name for name, _ in columns])
    for member in report.members:
        writer.writerow([_escape_formula(value(member)) for _, value in columns])
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
    members = [member for member in report.members if member.is_compared]
    shared = _find_shared_texts(members)
    sections = []
    for section in report.sections:
        comparison = section.comparison
        differences = comparison.verdict.differences if comparison.verdict else []
        tables = [build(comparison) for build in (build_treatment_table, build_configuration_table, build_score_table)]
        tables.append(build_tokenizer_table(comparison))
        effects = measure_tokenizer_effects(comparison)
        tables += [build_effect_table(effects), build_correlation_table(effects)]
        if comparison.race:
            tables.append(build_race_table(comparison, comparison.race))
        if endpoints := build_endpoint_table(comparison):
            tables.append(endpoints)
        if section.transfer:
            tables.append(build_transfer_table(section.transfer))
        sections.append(
            {
                "section": section,
                "facts": section.describe_facts(),
                "tables": tables,
                "caution": effects.caution,
                "pairs": build_pair_table(comparison, sorted(differences, key=lambda one: one.p_holm)[:MOST_PAIRS]),
                "hidden_pairs": max(0, len(differences) - MOST_PAIRS),
            }
        )
    text = render_template(
        "mlqa.report",
        "results.md.j2",
        _escape_markdown,
        report=report,
        sections=sections,
        published=[(reference, build_published_table(reference)) for reference in report.references],
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
