"""How sure the models may be: the reliability diagram, the risk-coverage curve, and a table of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlqa.report.cells import Cell, Column, Table, build_table, make_name_cell, make_number_column, make_text_column
from mlqa.report.comparison import Comparison
from mlqa.report.member import METRICS
from mlqa.report.reading import coerce_finite, get_nested
from mlqa.report.shapes import COLOURS, Axis, Line, Plot, Tick, make_axis
from mlqa.report.treatments import Treatment
from mlqa.report.wording import list_first

MOST_CURVES = 6  # treatments that are drawn, each by its first run
FEWEST = 5  # answers of a bin that is drawn
REACHES = (0.2, 0.5, 1.0)  # of the axes of the reliability diagram: a model that is never sure fills it too


def _make_share_axis(high: float) -> Axis:
    """Make an axis from 0 to `high` with six marks."""
    return Axis(0.0, high, [Tick(20.0 * step, f"{high * step / 5:.2g}" if step else "0") for step in range(6)])


SHARES = _make_share_axis(1.0)


@dataclass(frozen=True)
class CalibrationPart:
    """What the page shows of calibration: a table, figures, and notes on both."""

    table: Table
    plots: list[Plot]
    note: str


def build_calibration(comparison: Comparison) -> CalibrationPart | None:
    """Build the part of a comparison, None if no run was calibrated."""
    known = [
        (number, one)
        for number, one in enumerate(comparison.treatments)
        if _get(one, "temperature") is not None and _get(one, "ece") is not None
    ]
    if not known:
        return None
    treatments = [one for _, one in known]
    plots = [_draw_reliability(known[:MOST_CURVES]), _draw_risk_coverage(known[:MOST_CURVES], comparison.score_name)]
    return CalibrationPart(
        _build_table(treatments, comparison.score_name),
        [plot for plot in plots if plot is not None],
        _write_note(treatments),
    )


def _get(one: Treatment, *path: str) -> float | None:
    return one.first.get_number("calibration", *path)


def _read_pairs(one: Treatment, name: str, x: str, y: str) -> list[tuple[float, float]]:
    """Return two finite numbers of each entry of a list of the node `calibration`, without entries that lack them."""
    entries = get_nested(one.first.result, "calibration", name)
    pairs = []
    for entry in entries if isinstance(entries, list) else []:
        at, height, total = (coerce_finite(get_nested(entry, key)) for key in (x, y, "total"))
        if at is not None and height is not None and (total is None or total >= FEWEST):
            pairs.append((at, height))
    return pairs


def _draw_reliability(known: list[tuple[int, Treatment]]) -> Plot | None:
    curves = [(number, one, _read_pairs(one, "reliability", "confidence", "correct")) for number, one in known]
    curves = [one for one in curves if len(one[2]) > 1 and all(0 <= value <= 1 for pair in one[2] for value in pair)]
    if not curves:
        return None
    highest = max(value for *_, pairs in curves for pair in pairs for value in pair)
    axis = _make_share_axis(next(reach for reach in REACHES if highest <= reach))
    lines = [Line("every probability is true", "0,100 100,0", 7, 2)]
    lines += [Line(one.name, _trace(pairs, axis, axis), number % (COLOURS - 1)) for number, one, pairs in curves]
    note = (
        "Answers in 15 bins by their probability. Below the dashed line the model is too sure, above it too modest. "
        f"Bins of fewer than {FEWEST} answers are left out."
    )
    return Plot(
        "reliability",
        "Reliability",
        note,
        "probability of the answer",
        "share of exact matches",
        axis,
        axis,
        lines=lines,
    )


def _draw_risk_coverage(known: list[tuple[int, Treatment]], score: str) -> Plot | None:
    curves = [(number, one, _read_pairs(one, "risk_coverage", "coverage", "score")) for number, one in known]
    curves = [curve for curve in curves if len(curve[2]) > 1]
    if not curves:
        return None
    goals = [100 * (1 - risk) for _, one, _ in curves[:1] if (risk := _get(one, "risk")) is not None and 0 < risk < 1]
    y = make_axis([*(height for *_, pairs in curves for _, height in pairs), *goals], 0.03)
    lines = [Line(one.name, _trace(pairs, SHARES, y), number % (COLOURS - 1)) for number, one, pairs in curves]
    lines += [
        Line(f"{score} {goal:g}", f"0,{100 - y.locate(goal):g} 100,{100 - y.locate(goal):g}", 7, 2) for goal in goals
    ]
    note = (
        "The questions with the highest probabilities are answered first. How far to the right a curve stays above the "
    )
    note += "dashed line is the share of questions that can be answered at that score."
    return Plot(
        "risk-coverage",
        "Answer only if sure",
        note,
        "share of questions answered",
        f"{score} of the answers",
        SHARES,
        y,
        lines=lines,
    )


def _trace(pairs: list[tuple[float, float]], x: Axis, y: Axis) -> str:
    return " ".join(f"{x.locate(at):g},{100 - y.locate(height):g}" for at, height in pairs)


def _build_table(treatments: list[Treatment], score: str) -> Table:
    def make_cell(form: str, name: str, interval: str = "", held_out: str = "") -> Callable[[Treatment], Cell]:
        """Make the cell of a number, with its interval and the number on held-out folds below it."""

        def make(one: Treatment) -> Cell:
            value = _get(one, name)
            if value is None:
                return Cell("")
            low, high = _get(one, f"{interval}_ci_low"), _get(one, f"{interval}_ci_high")
            details = [] if low is None or high is None else [f"({low:{form}} to {high:{form}})"]
            folds = _get(one, "crossfitted", held_out)
            details += [] if folds is None else [f"held out: {folds:{form}}".replace("%", " %")]
            return Cell(f"{value:{form}}".replace("%", " %"), value, ", ".join(details))

        return make

    def name_goal(one: Treatment) -> str:
        metric, risk = one.first.get_text("calibration", "metric"), _get(one, "risk")
        return "" if metric not in METRICS or risk is None else f"{METRICS[metric]} {100 * (1 - risk):g}"

    columns = [
        Column("treatment", lambda one: make_name_cell(one.whole_name, one.name), False),
        make_number_column("temperature", ".2f", lambda one: _get(one, "temperature")),
        make_number_column("ECE before", ".3f", lambda one: _get(one, "ece_uncalibrated"), True),
        Column("ECE", make_cell(".3f", "ece", "ece", "ece"), is_cost=True),
        make_number_column("ECE by chance", ".3f", lambda one: _get(one, "ece_by_chance"), True),
        make_text_column("goal", name_goal),
        make_number_column("sure from", ".2f", lambda one: _get(one, "threshold")),
        Column("answered", make_cell(".0%", "coverage", held_out="coverage")),
        Column(f"{score} of those", make_cell(".1f", "score", "score", "score")),
    ]
    return build_table(columns, treatments)


def _write_note(treatments: list[Treatment]) -> str:
    note = "The first run of each treatment. Temperature and threshold were chosen on the validation split. "
    same = [one.name for one in treatments if get_nested(one.first.result, "calibration", "is_same_split") is True]
    if not same:
        return note
    which = "" if len(same) == len(treatments) else f" of {list_first(same, 5)}"
    return (
        f"{note}The reported split{which} is the same, so ECE and score flatter the model. The numbers held "
        "out do not: each fold of the contexts is judged by what the others chose. "
    )
