"""Test the tables of scores that a run and `mlqa score` print."""

from __future__ import annotations

import io

from rich.console import Console

from mlqa.display.score_tables import build_breakdown_table, build_score_table


def test_the_score_table_fits_80_columns() -> None:
    """Test the widest table: scores of 100 with a lower bound."""
    metrics: dict[str, float] = {"total": 100000, "total_unseen": 100000}
    for suffix in ("", "_language", "_unseen", "_language_unseen"):
        for name in ("exact_match", "f1"):
            bounds = {f"{name}{suffix}_ci_low": 95.04, f"{name}{suffix}_ci_high": 100.0}
            metrics |= {f"{name}{suffix}": 100.0, **bounds}
    metrics |= {"best_exact": 71.25, "best_exact_thresh": -1.9692068, "best_f1": 72.0, "best_f1_thresh": 0.0}
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(build_score_table(metrics, "berturk tquad"))
    lines = console.export_text().splitlines()
    assert len(lines) == 3 + 4 + 1, "nothing is wrapped"
    assert lines[3].split("  ")[0] == "all questions"
    assert "100.00 [95.0, 100]" in lines[3]
    assert "71.25 at -1.969" in lines[-1]


def test_names_of_groups_are_text_not_markup() -> None:
    group = {"total": 1, "exact_match": 0.0, "f1": 12.5}
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(build_breakdown_table({"question_type": {"[red]who": group}}))
    shown = console.export_text()
    assert "[red]who" in shown and "12.50" in shown
