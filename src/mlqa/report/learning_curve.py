"""How the score grows with the questions of train: a curve per model, what more questions would give, their price.

A curve is made of treatments that differ in `dataset.max_train_samples` alone. statistics/power_law.py fits it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from mlqa.report.comparison import Comparison
from mlqa.report.grouping import group_by
from mlqa.report.shapes import COLOURS, Axis, Line, Plot, Point, Tick, make_axis
from mlqa.report.statistics.power_law import LEAST_SIZES, Estimate, PowerLaw, fit_power_law
from mlqa.report.treatments import OPTIONS, Treatment
from mlqa.report.wording import format_interval, format_points, format_usd

SIZE_KEY = "dataset.max_train_samples"
MORE = 1000  # questions of the sentence about the next ones
FEWEST_SIZES = 3  # that are worth a picture
REACH = 2.0  # the curve is drawn and asked up to so many times the largest size
STEPS = 40  # points of a line
PHONE, WIDE = 2.3, 1.2  # width of a digit below the axis, in per cent of an axis of 290 px and of one of 550 px
LEAST = 0.05  # points: a gain that may be less is shown as 0.0
LIMITS = (
    "The curve holds for more questions of the same kind, the same model and the same settings, and says less the "
    "farther it goes beyond the largest size. All seeds of a size were trained on the same questions, so the interval "
    "knows the choice of these questions only as far as the points miss the curve. A power law is a description, not a "
    "law: if the score levels off for another reason, it cannot see it coming."
)


@dataclass
class Curve:
    """The sizes of one model, rising, with the treatment of each. `law` is None if there are too few sizes."""

    name: str
    sizes: list[float]
    treatments: list[Treatment]
    law: PowerLaw | None


@dataclass
class LearningCurves:
    """What the report says of them."""

    curves: list[Curve]
    sentences: list[str] = field(default_factory=list)
    plot: Plot | None = None
    limits: str = LIMITS


def find_learning_curves(comparison: Comparison, usd_per_question: float | None = None) -> LearningCurves | None:
    """Fit a curve per model.

    Args:
        comparison: The treatments of one data set.
        usd_per_question: What it costs to annotate a question, None if it is not known.

    Returns:
        None if no model was trained on `FEWEST_SIZES` sizes, or if nothing was compared question by question.
    """
    if comparison.verdict is None:
        return None
    groups = group_by(comparison.compared, _make_curve_key)
    curves = [curve for group in groups.values() if (curve := _build_curve(comparison, group)) is not None]
    if not curves:
        return None
    sentences = [_describe(comparison, curve, usd_per_question) for curve in curves]
    if usd_per_question is None and any(curve.law for curve in curves):
        sentences.append(
            "What they would cost is unknown: mlqa report --usd-per-question says what one costs to annotate."
        )
    return LearningCurves(curves, sentences, _draw(comparison, curves))


def _make_curve_key(one: Treatment) -> str:
    options = [one.get_option(group) for group in OPTIONS]
    settings = {key: value for key, value in one.settings.items() if key != SIZE_KEY}
    return json.dumps([options, settings], sort_keys=True)


def _build_curve(comparison: Comparison, group: Sequence[Treatment]) -> Curve | None:
    """Return the curve of treatments that differ in size alone. Of several with one size the first counts."""
    by_size: dict[float, Treatment] = {}
    for one in group:
        size = one.compute_mean("dataset", "train_examples")
        if size:
            by_size.setdefault(size, one)
    if len(by_size) < FEWEST_SIZES or comparison.verdict is None:
        return None
    sizes = sorted(by_size)
    treatments = [by_size[size] for size in sizes]
    indices = [index for one in treatments if (index := comparison.find_index(one)) is not None]
    law = fit_power_law(sizes, comparison.verdict.spread, indices)
    return Curve(_name_curve(comparison, treatments), sizes, treatments, law)


def _name_curve(comparison: Comparison, treatments: Sequence[Treatment]) -> str:
    """Return the model's name, with what else tells its curve from others."""
    parts = treatments[-1].whole_name.partition(" (")[2].rstrip(")").split(", ")
    kept = [part for part in parts if part and not part.startswith(f"{SIZE_KEY.rpartition('.')[2]}=")]
    shared = [part for part in kept if all(part in one.whole_name for one in treatments)]
    return f"{treatments[-1].model} ({', '.join(shared)})" if shared else treatments[-1].model


def _describe(comparison: Comparison, curve: Curve, usd_per_question: float | None) -> str:
    if curve.law is None:
        return (
            f"{curve.name}: {len(curve.sizes)} sizes are too few for a curve, which takes {LEAST_SIZES}; add one to "
            f"{SIZE_KEY}=..."
        )
    law, largest, name = curve.law, curve.sizes[-1], comparison.score_name
    a, _, c = law.best
    formula = f"100 − {name} = {a:.1f} · (n / {law.origin:,.0f})^−{law.best[1]:.2f} + {c:.1f}"
    b = law.exponent
    now = law.predict_score(largest)
    return (
        f"{curve.name}: {formula} (b 95 % interval {b.low:.2f} to {b.high:.2f}). With {largest:,.0f} questions the "
        f"curve is at {now.value:.1f} {name}. {_describe_gain(law, largest, MORE, name, usd_per_question)} "
        f"{_describe_gain(law, largest, largest, name, usd_per_question)}"
        + (
            " These sizes do not show that more questions help."
            if law.predict_gain(largest, largest).low < LEAST
            else ""
        )
    )


def _describe_gain(law: PowerLaw, size: float, more: float, name: str, usd_per_question: float | None) -> str:
    """Say what more questions would give and cost, e.g. "1,000 more questions would give 0.6 (0.3 to 1.0) F1 ..."."""
    gain = law.predict_gain(size, more)
    verb = f"{more:,.0f} more questions" if more != size else f"Twice as many ({2 * size:,.0f})"
    text = f"{verb} would give {_format_estimate(gain)} {name}"
    if usd_per_question is not None:
        usd = more * usd_per_question
        text += f" for {_format_price(usd)}"
        if gain.value > 0 and usd > 0:
            most = f" to {_format_price(usd / gain.low)}" if gain.low > 0 else " or far more"
            text += f", {_format_price(usd / gain.value)} a point ({_format_price(usd / gain.high)}{most})"
    return f"{text}."


def _format_price(usd: float) -> str:
    """Format dollars, without cents from $100 on: a forecast is not that exact."""
    return f"${usd:,.0f}" if usd >= 100 else format_usd(usd)


def _format_estimate(one: Estimate) -> str:
    return f"{format_points(one.value)} ({format_interval(one.low, one.high)})"


def _draw(comparison: Comparison, curves: Sequence[Curve]) -> Plot:
    """Draw scores by size, each run a point, with the curves and their intervals to `REACH` times the largest size."""
    points: list[tuple[float, float, str, int]] = []
    lines: list[tuple[str, list[tuple[float, float]], int, int]] = []
    for number, curve in enumerate(curves):
        for size, one in zip(curve.sizes, curve.treatments, strict=True):
            for seed, runs in one.seeds.items():
                score = sum(run.score or 0.0 for run in runs) / len(runs)
                text = f"{curve.name}, {size:,.0f} questions, seed {seed}: {comparison.score_name} {score:.2f}"
                points.append((size, score, text, number))
        lines += _trace(curve, number)
    sizes = sorted({size for curve in curves for size in curve.sizes})
    ends = [at for _, trace, _, _ in lines for at, _ in trace] or sizes
    x = _make_size_axis(sizes, max(ends))
    y = make_axis([score for _, score, _, _ in points] + [score for _, trace, _, _ in lines for _, score in trace])
    shown = [
        Line(
            name,
            " ".join(f"{_locate_size(x, at):g},{100 - y.locate(score):g}" for at, score in trace),
            number % COLOURS,
            dash,
        )
        for name, trace, number, dash in lines
    ]
    made = [
        Point(_locate_size(x, at), y.locate(score), text, "", y.locate(score), False, number % COLOURS)
        for at, score, text, number in points
    ]
    note = (
        "Each point is a run. The line is the fitted power law, the dashed outline its 95 % interval for new questions "
    )
    note += f"and new seeds. Beyond {sizes[-1]:,.0f} questions it is a forecast."
    title = f"{comparison.score_name} against questions of train"
    legend = [(curve.name, number % COLOURS) for number, curve in enumerate(curves)] if not shown else []
    return Plot(
        "learning",
        title,
        note,
        "questions of train (logarithmic)",
        comparison.score_name,
        x,
        y,
        made,
        shown,
        "",
        legend,
    )


def _trace(curve: Curve, number: int) -> list[tuple[str, list[tuple[float, float]], int, int]]:
    """Return (name, places, colour, dash) of the curve and of the outline of its interval."""
    if curve.law is None:
        return []
    first, last = curve.sizes[0], REACH * curve.sizes[-1]
    sizes = [first * (last / first) ** (step / STEPS) for step in range(STEPS + 1)]
    found = [(size, curve.law.predict_score(size)) for size in sizes]
    outline = [(size, one.low) for size, one in found] + [(size, one.high) for size, one in reversed(found)]
    return [
        (curve.name, [(size, one.value) for size, one in found], number, 0),
        (f"{curve.name}, 95 % interval", [*outline, outline[0]], number, 2),
    ]


def _make_size_axis(sizes: Sequence[float], last: float) -> Axis:
    """Make an axis of logarithms with a mark at each size, as far as their numbers do not touch.

    The larger sizes go first. What touches on a phone is marked on wide screens only. There is room for half of the
    first number and half of the last one at the ends.
    """
    low, high = math.log10(sizes[0]), math.log10(last)
    left, right = (max(4.0, PHONE * len(_format_size(size)) / 2) for size in (sizes[0], last))
    whole = 100 * (high - low) / (100 - left - right)
    axis = Axis(low - left / 100 * whole, high + right / 100 * whole, [])
    marks: list[Tick] = []
    for character in (PHONE, WIDE):
        for size in dict.fromkeys([*reversed(sizes), last]):
            mark = Tick(_locate_size(axis, size), _format_size(size), is_wide=character == WIDE)
            if all(abs(mark.at - one.at) >= character * (len(mark.text + one.text) / 2 + 1) for one in marks):
                marks.append(mark)
    return Axis(axis.low, axis.high, sorted(marks, key=lambda mark: mark.at))


def _format_size(size: float) -> str:
    return f"{size:,.0f}"


def _locate_size(axis: Axis, size: float) -> float:
    return axis.locate(math.log10(size))
