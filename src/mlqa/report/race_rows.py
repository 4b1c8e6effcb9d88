"""The table of a race: a row per treatment, in the place of the differences and p-values of a plain comparison."""

from __future__ import annotations

from mlqa.report.cells import Cell, Column, Table, build_table, make_name_cell, make_number_column, make_text_column
from mlqa.report.comparison import Comparison
from mlqa.report.raced import Raced
from mlqa.report.standing import describe_standing, estimate_difference
from mlqa.report.treatments import Treatment
from mlqa.report.wording import MINUS, format_interval


def build_race_table(comparison: Comparison, race: Raced) -> Table:
    """Build the table of how the treatments of a race stand, with intervals that hold together."""

    def make_difference(one: Treatment) -> Cell:
        found = estimate_difference(comparison, one)
        return Cell("") if found is None else Cell(f"{found[0]:+.2f}".replace("-", MINUS), found[0])

    def make_interval(one: Treatment) -> Cell:
        found = estimate_difference(comparison, one)
        return Cell("") if found is None else Cell(format_interval(found[1], found[2]), found[1])

    def explain(one: Treatment) -> str:
        return race.put_names(race.get_standing(one).reason or "", comparison.treatments)

    columns = (
        Column("treatment", lambda one: make_name_cell(one.whole_name, one.name), False),
        make_text_column("race", lambda one: describe_standing(comparison, one), True),
        make_number_column("seeds that count", "d", lambda one: len(race.get_standing(one).members)),
        make_number_column("collapsed", "d", lambda one: race.get_standing(one).collapsed or None),
        make_number_column(comparison.score_name, ".2f", lambda one: race.get_standing(one).mean),
        Column(f"{MINUS}\u00a0{comparison.treatments[0].name}", make_difference),
        Column(f"{race.level} interval of the difference", make_interval),
        make_text_column("why it left", explain),
    )
    return build_table(columns, comparison.treatments)
