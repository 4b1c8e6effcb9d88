"""The table of published results."""

from __future__ import annotations

from collections.abc import Callable

from mlqa.report.cells import Cell, Column, Table, build_table, make_number_column, make_text_column
from mlqa.report.reference import PublishedResult, Reference
from mlqa.report.rows import format_mean


def build_published_table(reference: Reference) -> Table:
    """Build the table of published results."""
    several = len({row.source for row in reference.rows}) > 1

    def make_score(name: str) -> Callable[[PublishedResult], Cell]:
        def make(row: PublishedResult) -> Cell:
            mean = getattr(row, name)
            return Cell("") if mean is None else Cell(format_mean(mean, getattr(row, f"{name}_sd")), mean)

        return make

    columns = (
        make_text_column("model", lambda row: row.checkpoint),
        make_text_column("option here", lambda row: row.model or ""),
        Column("EM", make_score("exact_match")),
        Column("F1", make_score("f1")),
        make_number_column("seeds", "d", lambda row: row.seeds),
        make_text_column("hardware", lambda row: row.hardware or ""),
        make_number_column("minutes", ".1f", lambda row: row.minutes, is_cost=True),
        make_number_column("$", ".2f", lambda row: row.usd, is_cost=True),
        make_number_column("$ per hour", ".3f", lambda row: row.usd_per_hour, is_cost=True),
        make_text_column("instance", lambda row: row.instance_type or ""),
        make_number_column("count", "d", lambda row: row.instance_count if row.instance_type else None),
        make_text_column("distribution", lambda row: row.distribution),
        make_number_column("epochs", "g", lambda row: row.epochs),
        make_number_column("vocabulary", ",.0f", lambda row: row.vocab_size),
        make_text_column("source", lambda row: (row.source or reference.source) if several else ""),
    )
    return build_table(columns, reference.rows)
