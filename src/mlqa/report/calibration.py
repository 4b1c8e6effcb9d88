"""How sure the models may be: the reliability diagram, the risk-coverage curve, and a table of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlqa.report.cells import Cell, Column, Table, build_table, make_name_cell, make_number_column, make_text_column
from mlqa.report.comparison import Comparison
from mlqa.report.drawings import COLOURS, Axis, Line, Plot, make_axis
from mlqa.report.members import METRICS
from mlqa.report.reading import coerce_finite, get_nested
from mlqa.report.treatments import Treatment
from mlqa.report.wording import list_first

MOST_CURVES = 6  # treatments that are drawn, each by its first run
FEWEST = 5  # answers of a bin that is drawn


@dataclass(frozen=True)
class CalibrationPart:
    """What the page shows: a table, figures, and what to know of both."""

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
    axis = Axis(0.0, 1.0, make_axis([0.0, 1.0], 0.0).ticks)
    lines = [Line("every probability is true", "0,100 100,0", 7, 2)]
    for number, one in known:
        pairs = _read_pairs(one, "reliability", "confidence", "correct")
        if len(pairs) > 1 and all(0 <= value <= 1 for pair in pairs for value in pair):
            lines.append(Line(one.name, _trace(pairs, axis, axis), number % (COLOURS - 1)))
    if len(lines) == 1:
        return None
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
    x = Axis(0.0, 1.0, make_axis([0.0, 1.0], 0.0).ticks)
    goals = [100 * (1 - risk) for _, one, _ in curves[:1] if (risk := _get(one, "risk")) is not None and 0 < risk < 1]
    y = make_axis([*(height for *_, pairs in curves for _, height in pairs), *goals], 0.03)
    lines = [Line(one.name, _trace(pairs, x, y), number % (COLOURS - 1)) for number, one, pairs in curves]
    lines += [
        Line(f"{score} {goal:g}", f"0,{100 - y.place(goal):g} 100,{100 - y.place(goal):g}", 7, 2) for goal in goals
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
        x,
        y,
        lines=lines,
    )


def _trace(pairs: list[tuple[float, float]], x: Axis, y: Axis) -> str:
    return " ".join(f"{x.place(at):g},{100 - y.place(height):g}" for at, height in pairs)


def _build_table(treatments: list[Treatment], score: str) -> Table:
    def make_ece(one: Treatment) -> Cell:
        ece, low, high = (_get(one, name) for name in ("ece", "ece_ci_low", "ece_ci_high"))
        interval = "" if low is None or high is None else f"({low:.3f} to {high:.3f})"
        return Cell("" if ece is None else f"{ece:.3f}", ece, interval)

    def make_score(one: Treatment) -> Cell:
        mean, low, high = (_get(one, name) for name in ("score", "score_ci_low", "score_ci_high"))
        interval = "" if low is None or high is None else f"({low:.1f} to {high:.1f})"
        return Cell("nothing" if mean is None else f"{mean:.2f}", mean, interval)

    def get(*path: str) -> Any:
        return lambda one: _get(one, *path)

    def name_metric(one: Treatment) -> str:
        metric, risk = one.first.get_text("calibration", "metric"), _get(one, "risk")
        return "" if metric not in METRICS or risk is None else f"{METRICS[metric]} {100 * (1 - risk):g}"

    columns = [
        Column("treatment", lambda one: make_name_cell(one.whole_name, one.name), False),
        make_number_column("temperature", ".2f", get("temperature")),
        make_number_column("ECE before", ".3f", get("ece_uncalibrated"), True),
        Column("ECE", make_ece, is_cost=True),
        make_number_column("ECE by chance", ".3f", get("ece_by_chance"), True),
        make_number_column("ECE on held-out folds", ".3f", get("crossfitted", "ece"), True),
        make_number_column("area under the curve", ".3f", get("aurc"), True),
        make_text_column("goal", name_metric),
        make_number_column("sure from", ".2f", get("threshold")),
        make_number_column("answered", ".1%", get("coverage")),
        Column(f"{score} of those", make_score),
        make_number_column("answered, held-out folds", ".1%", get("crossfitted", "coverage")),
        make_number_column("score, held-out folds", ".2f", get("crossfitted", "score")),
        make_text_column("chosen on", lambda one: one.first.get_text("calibration", "split") or ""),
    ]
    return build_table(columns, treatments)


def _write_note(treatments: list[Treatment]) -> str:
    note = "The first run of each treatment. Temperature and threshold were chosen on the validation split. "
    same = [one.name for one in treatments if get_nested(one.first.result, "calibration", "is_same_split") is True]
    if not same:
        return note
    which = "" if len(same) == len(treatments) else f" of {list_first(same, 5)}"
    return (
        f"{note}The reported split{which} is the same, so ECE and score flatter the model. The columns of held-out "
        "folds do not: each fold of the contexts is judged by what the others chose. "
    )
