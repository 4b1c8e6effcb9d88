"""The figures of a comparison, as positions in per cent of a box. The page draws them without a script.

A figure grows and shrinks with its box while its text keeps its size, so that it can be read on a phone and in print.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mlqa.report.answer import Answer
from mlqa.report.comparison import Comparison
from mlqa.report.reference import Reference
from mlqa.report.standing import describe_standing, estimate_interval
from mlqa.report.treatments import Configuration, Treatment
from mlqa.report.wording import format_interval, format_price, list_first

MOST_ROWS = 30  # treatments in the picture
MOST_LABELS = 14  # points of a scatter that carry their name
FARTHEST_LABEL = 10  # per cent of the height that a label may be away from its point
MOST_CURVES = 20
POINTS_PER_CURVE = 120
COLOURS = 8


@dataclass(frozen=True)
class Tick:
    """A mark of an axis, at `at` per cent of its length. `is_wide` if a phone has no room for its text."""

    at: float
    text: str
    is_wide: bool = False


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, with marks at round numbers."""

    low: float
    high: float
    ticks: list[Tick]

    def place(self, value: float) -> float:
        """Return where a value is, in per cent."""
        return round(100 * (value - self.low) / (self.high - self.low), 3)


@dataclass(frozen=True)
class IntervalRow:
    """A score with its 95 % interval and the score of each seed. Places are per cent, `text` says it in words."""

    name: str
    text: str
    at: float
    low: float | None
    high: float | None
    seeds: list[float]
    kind: str  # "tied", "beaten", "alone" or "published"


@dataclass(frozen=True)
class Picture:
    """Scores with intervals, one above the other."""

    title: str
    note: str
    rows: list[IntervalRow]
    axis: Axis


@dataclass(frozen=True)
class Point:
    """A point of a scatter. `label_at` is the height of its label, `is_left` whether the label is left of it."""

    x: float
    y: float
    text: str
    label: str
    label_at: float
    is_left: bool
    colour: int
    is_on_front: bool = False


@dataclass(frozen=True)
class Line:
    """A line through points "x,y x,y ..." of a box of 100 x 100, with y from the top."""

    name: str
    points: str
    colour: int
    dash: int = 0


@dataclass(frozen=True)
class Plot:
    """A scatter or lines."""

    name: str
    title: str
    note: str
    x_title: str
    y_title: str
    x: Axis
    y: Axis
    points: list[Point] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    front: str = ""
    colours: list[tuple[str, int]] = field(default_factory=list)  # of the treatments, if points are treatments'


def make_axis(values: Iterable[float], margin: float = 0.06) -> Axis:
    """Make an axis that holds all values, with three to seven marks at round numbers."""
    known = list(values)
    low, high = min(known), max(known)
    spare = (high - low) * margin or max(abs(high) * 0.05, 0.5)
    low, high = low - spare, high + spare
    step = 10 ** math.floor(math.log10((high - low) / 3))
    step = next(step * factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    digits = max(0, -math.floor(math.log10(step)))
    marks = [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    ticks = [Tick(round(100 * (mark - low) / (high - low), 3), f"{mark:,.{digits}f}") for mark in marks]
    return Axis(low, high, ticks)


def draw_picture(comparison: Comparison, answer: Answer, references: Sequence[Reference] = ()) -> Picture:
    """Draw the score of each treatment with its interval.

    Args:
        comparison: The treatments of one data set.
        answer: What the report says of them.
        references: Published results. Those on the same questions are drawn below.
    """
    shown = comparison.treatments[:MOST_ROWS]
    is_compared = comparison.verdict is not None or comparison.race is not None
    level = comparison.race.level if comparison.race else "95 %"
    made: list[tuple[str, str, float, tuple[float, float] | None, list[float], str]] = []
    for one in shown:
        interval = estimate_interval(comparison, one)
        kind = "alone" if not is_compared else "tied" if one in answer.tied else "beaten"
        words = f"{comparison.score_name} {one.score:.2f}"
        words += f", {level} interval {format_interval(*interval)}" if interval else ""
        words += f", {describe_standing(comparison, one)}"
        seeds = one.compute_seed_means("metrics", comparison.metric)
        made.append((one.name, words, one.score, interval, seeds if len(seeds) > 1 else [], kind))
    for reference in references:
        if comparison.metric in ("f1", "exact_match") and reference.questions == comparison.total:
            for row in reference.rows[:3]:
                score = getattr(row, comparison.metric)
                if score is not None and reference.dataset == comparison.dataset:
                    words = f"{score:.2f}, published ({reference.title})"
                    made.append((f"{row.name}, published", words, score, None, [], "published"))
    ends = [end for _, _, at, interval, seeds, _ in made for end in (at, *(interval or ()), *seeds)]
    axis = make_axis(ends, 0.03)
    rows = [
        IntervalRow(
            name, words, axis.place(at),
            axis.place(interval[0]) if interval else None, axis.place(interval[1]) if interval else None,
            [axis.place(seed) for seed in seeds], kind,
        )
        for name, words, at, interval, seeds, kind in made
    ]  # fmt: skip
    scope = "new seeds on these questions" if comparison.race else "new questions and new seeds"
    note = f"{comparison.score_name} with its {level} interval for {scope}. Small marks are seeds."
    note += " Compare two by their difference, not by whether their intervals overlap." if is_compared else ""
    if left := len(comparison.treatments) - len(shown):
        note += f" {left} more are in the table."
    return Picture(f"{comparison.score_name} by treatment", note, rows, axis)


def draw_plots(comparison: Comparison) -> list[Plot]:
    """Draw the figures for which there is data."""
    score = comparison.score_name
    plots = [
        _draw_scatter(comparison, "usd", "dollars a run", f"{score} against dollars"),
        _draw_scatter(comparison, "minutes", "minutes a run", f"{score} against minutes"),
        _draw_curves(comparison, "loss", "training loss", "Learning curves"),
        _draw_curves(comparison, f"eval_{comparison.metric}", f"{score} on the validation questions", "While training"),
        _draw_fertility(comparison),
    ]
    return [plot for plot in plots if plot is not None]


def _draw_scatter(comparison: Comparison, axis: str, unit: str, title: str) -> Plot | None:
    trained = [one for one in comparison.configurations if not one.is_asked]
    known = [(one, cost) for one in trained if (cost := getattr(one, axis)) is not None]
    if not known:
        return None
    score_of = {id(one): treatment.score for treatment in comparison.treatments for one in treatment.configurations}
    colours = {treatment.key: number for number, treatment in enumerate(comparison.treatments)}
    colour_of = {id(one): colours[t.key] for t in comparison.treatments for one in t.configurations}

    def describe(one: Configuration) -> str:
        parts = [f"{one.name}: {comparison.score_name} {score_of[id(one)]:.2f}"]
        parts += [format_price(one)] if one.usd is not None else []
        parts += [f"{one.minutes:.1f} minutes"] if one.minutes is not None else []
        return ", ".join(parts)

    x = make_axis([cost for _, cost in known] + [0.0])
    y = make_axis([score_of[id(one)] for one, _ in known])
    items = [
        (cost, score_of[id(one)], describe(one), one.name, colour_of[id(one)], axis in one.on_fronts)
        for one, cost in known
    ]
    front = sorted((x.place(cost), 100 - y.place(score)) for cost, score, _, _, _, is_on in items if is_on)
    steps = " ".join(
        f"{at:g},{height:g}" if number == 0 else f"{at:g},{front[number - 1][1]:g} {at:g},{height:g}"
        for number, (at, height) in enumerate(front)
    )
    names = list_first([name for *_, name, _, is_on in items if is_on], 6)
    note = f"Rings mark the Pareto front, which nothing beats in both: {names}. Each treatment has a colour."
    shown = {colour for *_, colour, _ in items}
    names_of = [(one.name, number % COLOURS) for number, one in enumerate(comparison.treatments) if number in shown]
    points = _place_points(items, x, y)
    return Plot(axis, title, note, unit, comparison.score_name, x, y, points, [], steps, names_of[:MOST_LABELS])


def _draw_fertility(comparison: Comparison) -> Plot | None:
    def describe(one: Treatment, fertility: float) -> str:
        return f"{one.name}: {comparison.score_name} {one.score:.2f}, {fertility:.2f} tokens per word"

    known = [
        (fertility, one.score, describe(one, fertility), one.name, number, False)
        for number, one in enumerate(comparison.treatments)
        if (fertility := one.compute_mean("tokenization", "fertility")) is not None
    ]
    if len({round(fertility, 6) for fertility, *_ in known}) < 2:  # means over 2 and 3 seeds differ in the last digit
        return None
    x, y = make_axis([item[0] for item in known]), make_axis([item[1] for item in known])
    note = "Fewer tokens per word leave room for longer contexts. Fertility does not show whether words are split well."
    title = f"{comparison.score_name} against fertility"
    return Plot(
        "fertility", title, note, "tokens per word", comparison.score_name, x, y, _place_points(known, x, y)
    )  # fmt: skip


def _place_points(
    items: Sequence[tuple[float, float, str, str, int, bool]], x: Axis, y: Axis, apart: float = 6.5
) -> list[Point]:
    """Place points and labels. A label moves a little if another is there, or is left out. The front comes first."""
    labelled = len(items) <= MOST_LABELS
    points: list[Point] = []
    taken: list[float] = []
    for at, score, text, name, colour, is_on in sorted(items, key=lambda item: (not item[5], item[1])):
        place, level = x.place(at), y.place(score)
        is_left = place > 55
        steps = (level + sign * step for step in range(FARTHEST_LABEL) for sign in (1, -1))
        free = (at for at in steps if 0 <= at <= 98 and all(abs(at - other) >= apart for other in taken))
        label_at = next(free, None) if labelled else None
        if label_at is not None:
            taken.append(label_at)
        label = "" if label_at is None else name
        height = level if label_at is None else round(label_at, 3)
        points.append(Point(place, level, text, label, height, is_left, colour % COLOURS, is_on))
    return points


def _draw_curves(comparison: Comparison, key: str, y_title: str, title: str) -> Plot | None:
    """Draw a number of history.jsonl by step, a line per run, at most `MOST_CURVES` runs of the best treatments."""
    curves: list[tuple[str, list[tuple[float, float]], int, int]] = []
    left = 0
    for number, one in enumerate(comparison.treatments):
        for place, run in enumerate(one.runs):
            if len(curves) >= MOST_CURVES:
                left += 1
                continue
            rows = [(row["step"], row[key]) for row in run.read_history() if key in row and "step" in row]
            if len(rows) < 2:
                continue
            name = f"{one.name}, seed {run.seed}" if len(one.runs) > 1 else one.name
            curves.append((name, rows[:: -(-len(rows) // POINTS_PER_CURVE)], number % COLOURS, place % 4))
    if not curves:
        return None
    x, y = (make_axis([point[axis] for _, rows, _, _ in curves for point in rows], 0.02) for axis in (0, 1))
    lines = [
        Line(name, " ".join(f"{x.place(step):g},{100 - y.place(value):g}" for step, value in rows), colour, dash)
        for name, rows, colour, dash in curves
    ]
    note = "Each run is a line, each treatment a colour."
    note += f" {left} runs of treatments with lower scores are left out." if left else ""
    return Plot(key, title, note, "step", y_title, x, y, lines=lines)
