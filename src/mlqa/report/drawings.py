"""Draw the figures of a comparison: scores with intervals, scatters, learning curves."""

from __future__ import annotations

from collections.abc import Sequence

from mlqa.report.answer import Answer
from mlqa.report.comparison import Comparison
from mlqa.report.reference import Reference
from mlqa.report.shapes import COLOURS, Axis, IntervalRow, Line, Picture, Plot, Point, make_axis
from mlqa.report.standing import describe_standing, estimate_interval
from mlqa.report.treatments import Configuration, Treatment
from mlqa.report.wording import format_interval, format_price, list_first

MOST_ROWS = 30  # treatments in the picture
MOST_PUBLISHED = 3  # models of each reference in the picture
MOST_LABELS = 14  # points of a scatter that carry their name
FARTHEST_LABEL = 10  # per cent of the height that a label may be away from its point
MOST_CURVES = 20
POINTS_PER_CURVE = 120


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
        if reference.questions != comparison.total or reference.dataset != comparison.dataset:
            continue
        scores: dict[str, float] = {}  # of each model the first, whatever hardware it was published on
        for row in reference.rows:
            if (score := getattr(row, comparison.metric, None)) is not None:
                scores.setdefault(row.name, score)
        for name, score in list(scores.items())[:MOST_PUBLISHED]:
            words = f"{score:.2f}, published ({reference.title})"
            made.append((f"{name}, published", words, score, None, [], "published"))
    ends = [end for _, _, at, interval, seeds, _ in made for end in (at, *(interval or ()), *seeds)]
    axis = make_axis(ends, 0.03)
    rows = [
        IntervalRow(
            name, words, axis.locate(at),
            axis.locate(interval[0]) if interval else None, axis.locate(interval[1]) if interval else None,
            [axis.locate(seed) for seed in seeds], kind,
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
    front = sorted((x.locate(cost), 100 - y.locate(score)) for cost, score, _, _, _, is_on in items if is_on)
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
        place, level = x.locate(at), y.locate(score)
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
        Line(name, " ".join(f"{x.locate(step):g},{100 - y.locate(value):g}" for step, value in rows), colour, dash)
        for name, rows, colour, dash in curves
    ]
    note = "Each run is a line, each treatment a colour."
    note += f" {left} runs of treatments with lower scores are left out." if left else ""
    return Plot(key, title, note, "step", y_title, x, y, lines=lines)
