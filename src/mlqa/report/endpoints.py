"""Models behind an endpoint: how they were asked, what their answers took, and what their score cannot tell."""

from __future__ import annotations

from mlqa.report.cells import Column, Table, build_table, make_name_cell, make_number_column, make_text_column
from mlqa.report.comparison import Comparison
from mlqa.report.flags import get_memory
from mlqa.report.member import Member
from mlqa.report.reading import get_nested
from mlqa.report.treatments import Treatment


def build_endpoint_table(comparison: Comparison) -> Table | None:
    """Build the table of the asked models, None if there is none. Shares are of the questions."""
    asked = [one for one in comparison.treatments if one.is_asked]
    if not asked:
        return None
    columns = (
        Column("treatment", lambda one: make_name_cell(one.whole_name, one.name), False),
        make_text_column("served", lambda one: _join(one.first, "served")),
        make_text_column("prompt in", lambda one: one.first.get_text("endpoint", "prompt_language") or ""),
        make_number_column("examples", "d", lambda one: _count_examples(one.first)),
        make_number_column("temperature", "g", lambda one: one.compute_mean("endpoint", "temperature")),
        make_number_column("F1 without the context", ".2f", get_memory),
        make_number_column("tokens in", ",.0f", lambda one: _divide(one, 1, "input_tokens"), is_cost=True),
        make_number_column("tokens out", ",.1f", lambda one: _divide(one, 1, "output_tokens"), is_cost=True),
        make_number_column("$ per 1,000 questions", ",.4f", lambda one: _divide(one, 1000, "usd"), is_cost=True),
        make_number_column(
            "seconds, median", ".2f", lambda one: one.compute_mean("endpoint", "seconds_per_answer", "median"), True
        ),
        make_number_column(
            "seconds, 95 %", ".2f", lambda one: one.compute_mean("endpoint", "seconds_per_answer", "p95"), True
        ),
        make_number_column("not in the context", ".1%", lambda one: _divide(one, 1, "alignment", "unaligned"), True),
        make_number_column("refused", ".1%", lambda one: _divide(one, 1, "refused"), True),
        make_number_column("cut off", ".1%", lambda one: _divide(one, 1, "cut_off"), True),
    )
    return build_table(columns, asked)


def _divide(one: Treatment, per: float, *path: str) -> float | None:
    """Return a figure of all questions for so many questions."""
    value, questions = one.compute_mean("endpoint", *path), one.compute_mean("endpoint", "questions")
    return per * value / questions if value is not None and questions else None


def _join(run: Member, name: str) -> str:
    names = get_nested(run.result, "endpoint", name)
    return ", ".join(map(str, names)) if isinstance(names, list) else ""


def _count_examples(run: Member) -> int | None:
    shown = get_nested(run.result, "endpoint", "examples")
    return len(shown) if isinstance(shown, list) else None
