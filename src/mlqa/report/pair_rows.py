"""The table of differences: a row per pair of treatments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlqa.report.cells import Cell, Column, Table, build_table, make_name_cell, make_text_column
from mlqa.report.comparison import Comparison
from mlqa.report.statistics.contrasts import Difference
from mlqa.report.treatments import Treatment
from mlqa.report.wording import MINUS, format_interval, format_p_value


@dataclass(frozen=True)
class _Pair:
    first: Treatment
    second: Treatment
    difference: Difference
    unseen: Difference | None


def build_pair_table(comparison: Comparison, differences: Sequence[Difference]) -> Table:
    """Build the table of differences, also on unseen contexts if these are not all contexts.

    Args:
        comparison: The comparison.
        differences: Those of its verdict that are shown, one row each.
    """
    unseen = comparison.verdict_on_unseen
    compared = comparison.compared
    pairs = [
        _Pair(
            compared[one.first],
            compared[one.second],
            one,
            unseen.find_difference(one.first, one.second) if unseen else None,
        )
        for one in differences
    ]

    def make_cell(get: Callable[[_Pair], tuple[float, float, float] | None]) -> Callable[[_Pair], Cell]:
        def make(pair: _Pair) -> Cell:
            found = get(pair)
            return Cell("") if found is None else Cell(format_interval(found[1], found[2]), found[0])

        return make

    def format_verdict(pair: _Pair) -> str:
        winner = pair.difference.winner
        return "not told apart" if winner is None else f"{compared[winner].name} is better"

    columns = (
        Column("first", lambda pair: make_name_cell(pair.first.whole_name, pair.first.name), False),
        Column("second", lambda pair: make_name_cell(pair.second.whole_name, pair.second.name), False),
        Column(f"{comparison.score_name}, first − second", lambda pair: Cell(f"{pair.difference.mean:+.2f}".replace("-", MINUS), pair.difference.mean)),  # noqa: E501
        Column("95 % interval", make_cell(lambda p: (p.difference.low, p.difference.low, p.difference.high))),
        Column("p, corrected", lambda p: Cell(format_p_value(p.difference.p_holm), p.difference.p_holm), is_cost=True),
        make_text_column("verdict", format_verdict, True),
        Column(
            "on exactly these questions",
            make_cell(lambda p: (p.difference.low_here, p.difference.low_here, p.difference.high_here)),
        ),
        Column(
            "unseen contexts: first − second",
            lambda p: Cell(f"{p.unseen.mean:+.2f}".replace("-", MINUS), p.unseen.mean) if p.unseen else Cell(""),
        ),
        Column(
            "unseen contexts: p, corrected",
            lambda p: Cell(format_p_value(p.unseen.p_holm), p.unseen.p_holm) if p.unseen else Cell(""),
            is_cost=True,
        ),
    )  # fmt: skip
    return build_table(columns, pairs)
