"""Figures as plain data for plotly.js: traces and axes. Colours are the page's, which knows light, dark and print.

plotly.js reads some HTML in every text, so that all names pass `label` first.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.report.comparison import Comparison
from mlqa.report.configurations import Configuration
from mlqa.report.reference import TOTAL, Published

MOST_SHOWN = 40  # configurations in a figure with a place on the axis each
MOST_CURVES = 20
POINTS_A_CURVE = 200
UNCUT = 10_000
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon", "hexagon", "triangle-down")


@dataclass(frozen=True)
class Chart:
    """`data` and `layout` as plotly.js takes them; `note` says in words what is seen, or what was left out."""

    name: str
    title: str
    note: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


def charts_of(comparison: Comparison, published: Sequence[Published]) -> list[Chart]:
    """The figures of which there is data."""
    made = [
        _f1(comparison, published),
        _price(comparison, published, "usd", "dollars a run", "F1 against dollars"),
        _price(comparison, published, "minutes", "minutes a run", "F1 against minutes"),
        _curves(comparison, "loss", "training loss", "Learning curves"),
        _curves(comparison, "eval_f1", "F1 on the validation questions", "F1 while training"),
        _speed(comparison),
        _fertility(comparison),
        _oracle(comparison),
    ]
    return [chart for chart in made if chart is not None]


def label(text: str, most: int = 60) -> str:
    """A name as plotly.js shows it letter by letter, cut where it would not fit."""
    return html.escape(text if len(text) <= most else text[: most - 1] + "…")


def _categories(data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """An axis with a place for each name: names that are alike where they are cut keep places of their own."""
    names = list(dict.fromkeys(name for trace in data for name in trace["x"]))
    shown = [label(html.unescape(name), 40) for name in names]
    return {"type": "category", "tickmode": "array", "tickvals": names, "ticktext": shown}


def _variant(one: Configuration) -> str:
    """The name without its hardware."""
    return one.name.replace(f" on {one.hardware}", "", 1)


def _by(configurations: Sequence[Configuration], key: Callable[[Configuration], str]) -> dict[str, list[Configuration]]:
    groups: dict[str, list[Configuration]] = {}
    for one in configurations:
        groups.setdefault(key(one), []).append(one)
    return groups


def _f1(comparison: Comparison, published: Sequence[Published]) -> Chart:
    shown = comparison.configurations[:MOST_SHOWN]
    data: list[dict[str, Any]] = []
    for number, (hardware, group) in enumerate(_by(shown, lambda one: one.hardware).items()):
        bounds = [one.interval("f1") or (one.f1, one.f1) for one in group]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label(hardware),
                "x": [label(_variant(one), UNCUT) for one in group],
                "y": [one.f1 for one in group],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [high - one.f1 for one, (_, high) in zip(group, bounds, strict=True)],
                    "arrayminus": [one.f1 - low for one, (low, _) in zip(group, bounds, strict=True)],
                },
                "marker": {"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 10},
                "text": [label(one.name) for one in group],
                "hovertemplate": "%{text}<br>F1 %{y:.2f}<extra></extra>",
            }
        )
    scored = [row for row in published if row.f1 is not None]
    if scored:
        data.append(_published(scored, [label(row.model, UNCUT) for row in scored]))
    left = len(comparison.configurations) - len(shown)
    note = "Bars are 95 % intervals by the choice of texts." + (
        f" The best {MOST_SHOWN} are shown, {left} not." if left else ""
    )
    note += _of_published(comparison, scored)
    ends = [end for one in shown for end in one.interval("f1") or (one.f1,)]
    ends += [row.f1 for row in scored if row.f1 is not None]
    room = 0.06 * (max(ends) - min(ends)) or 1.0  # plotly.js would begin at 0, where nothing is to be seen
    yaxis = {"title": {"text": "F1"}, "range": [min(ends) - room, max(ends) + room]}
    layout = {"yaxis": yaxis, "xaxis": _categories(data), "scattermode": "group"}
    return Chart("f1", "F1 by model and hardware", note, data, layout)


def _published(rows: Sequence[Published], x: Sequence[Any]) -> dict[str, Any]:
    """Published rows as points of their own kind."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "published",
        "x": list(x),
        "y": [row.f1 for row in rows],
        "marker": {"symbol": "star-open", "size": 13},
        "meta": {"role": "published"},
        "text": [label(f"{row.checkpoint}, {row.instance_type}, published") for row in rows],
        "hovertemplate": "%{text}<br>F1 %{y:.2f}<extra></extra>",
    }


def _of_published(comparison: Comparison, rows: Sequence[Published]) -> str:
    """What a figure's note says of published points; "" where there are none."""
    if not rows:
        return ""
    if are_other_questions(comparison):
        return " Stars: published, of other questions than these runs', so that they do not compare."
    return " Stars: published."


def are_other_questions(comparison: Comparison) -> bool:
    """Whether the published results answered others than these members."""
    return {one.mean("metrics", "total") for one in comparison.configurations} != {float(TOTAL)}


def _price(comparison: Comparison, published: Sequence[Published], axis: str, unit: str, title: str) -> Chart | None:
    def price(one: Configuration) -> float:
        found = getattr(one, axis)
        assert found is not None
        return float(found)

    priced = [one for one in comparison.configurations if getattr(one, axis) is not None]
    if not priced:
        return None
    data: list[dict[str, Any]] = [
        _points(number, name, group, [price(one) for one in group], [one.f1 for one in group], f"%{{x:.4g}} {unit}")
        for number, (name, group) in enumerate(_by(priced, lambda one: one.model).items())
    ]
    drawn = [row for row in published if row.f1 is not None and row.price(axis) is not None]
    if drawn:
        data.append(_published(drawn, [row.price(axis) for row in drawn]))
    front = sorted((one for one in priced if axis in one.on_fronts), key=price)
    data.append(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "Pareto front",
            "x": [price(one) for one in front],
            "y": [one.f1 for one in front],
            "line": {"shape": "hv", "dash": "dot", "width": 2},
            "marker": {"symbol": "circle-open", "size": 17, "line": {"width": 2}},
            "hoverinfo": "skip",
            "meta": {"role": "front"},
        }
    )
    names = ", ".join(one.name for one in front[:8]) + (f" and {len(front) - 8} more" if len(front) > 8 else "")
    note = f"Ringed: the Pareto front, which nothing beats in both, by what was measured: {names}."
    note += _of_published(comparison, drawn)
    return Chart(axis, title, note, data, {"xaxis": {"title": {"text": unit}}, "yaxis": {"title": {"text": "F1"}}})


def _points(
    number: int, name: str, group: Sequence[Configuration], x: Sequence[float], y: Sequence[float], told: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label(name),
        "x": list(x),
        "y": list(y),
        "text": [label(one.name) for one in group],
        "marker": {"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 10},
        "hovertemplate": f"%{{text}}<br>F1 %{{y:.2f}}, {told}<extra></extra>",
    }


def _curves(comparison: Comparison, key: str, axis: str, title: str) -> Chart | None:
    data: list[dict[str, Any]] = []
    left = 0
    for number, one in enumerate(comparison.configurations):
        for place, run in enumerate(one.runs):
            if len(data) >= MOST_CURVES:
                left += 1
                continue
            points = [(row["step"], row[key]) for row in run.history() if key in row and "step" in row]
            if len(points) < 2:
                continue
            points = points[:: -(-len(points) // POINTS_A_CURVE)]
            seed = f", seed {run.seed}" if len(one.runs) > 1 else ""
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": label(one.name + seed),
                    "x": [step for step, _ in points],
                    "y": [value for _, value in points],
                    "line": {"dash": ("solid", "dot", "dash", "longdash")[place % 4]},
                    "meta": {"series": number},
                }
            )
    if not data:
        return None
    note = "One line a run, one colour a configuration."
    note += f" The first {MOST_CURVES} by F1; {left} are not shown." if left else ""
    return Chart(key, title, note, data, {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": axis}}})


def _speed(comparison: Comparison) -> Chart | None:
    known = [
        (one, speed)
        for one in comparison.configurations
        if (speed := one.mean("timing", "train_samples_per_second")) is not None
    ]
    if not known:
        return None
    left = max(0, len(known) - MOST_SHOWN)
    shown = known[:MOST_SHOWN]
    speed_of = {one.key: speed for one, speed in shown}
    colors = list(_by(comparison.configurations, lambda one: one.hardware))  # those of the first figure
    data = []
    for hardware, group in _by([one for one, _ in shown], lambda one: one.hardware).items():
        data.append(
            {
                "type": "bar",
                "name": label(hardware),
                "x": [label(_variant(one), UNCUT) for one in group],
                "y": [speed_of[one.key] for one in group],
                "text": [label(one.name) for one in group],
                "textposition": "none",
                "meta": {"series": colors.index(hardware)},
                "hovertemplate": "%{text}<br>%{y:.1f} windows a second<extra></extra>",
            }
        )
    note = "Windows trained on a second, on all devices together." + (
        f" {left} are not shown, of a lower F1." if left else ""
    )
    layout = {"yaxis": {"title": {"text": "windows a second"}}, "xaxis": _categories(data), "barmode": "group"}
    return Chart("speed", "Training speed", note, data, layout)


def _fertility(comparison: Comparison) -> Chart | None:
    known = [one for one in comparison.configurations if one.mean("tokenization", "fertility") is not None]
    if not known:
        return None
    data = [
        _points(
            number,
            name,
            group,
            [one.mean("tokenization", "fertility") or 0.0 for one in group],
            [one.f1 for one in group],
            "%{x:.3f} tokens a word",
        )
        for number, (name, group) in enumerate(_by(known, lambda one: one.model).items())
    ]
    layout = {"xaxis": {"title": {"text": "fertility, tokens a word"}}, "yaxis": {"title": {"text": "F1"}}}
    note = "Fewer tokens a word leave room for longer contexts; whether cuts fall where they should, it does not say."
    return Chart("fertility", "F1 against fertility", note, data, layout)


def _oracle(comparison: Comparison) -> Chart | None:
    best: dict[str, tuple[float, float]] = {}
    for one in comparison.configurations:  # best first
        oracle = one.mean("tokenization", "oracle_f1")
        if oracle is not None and len(best) < MOST_SHOWN:
            best.setdefault(one.model, (oracle, one.f1))
    if not best:
        return None
    names = [label(model, 40) for model in best]
    data = [
        {
            "type": "bar",
            "name": name,
            "x": names,
            "y": [pair[place] for pair in best.values()],
            "hovertemplate": f"%{{x}}<br>{name} %{{y:.2f}}<extra></extra>",
        }
        for place, name in ((1, "reached"), (0, "best this tokenizer permits"))
    ]
    layout = {"yaxis": {"title": {"text": "F1"}}, "xaxis": {"type": "category"}, "barmode": "group"}
    note = "An answer that begins or ends inside a token cannot be given: the oracle gives the nearest that can."
    return Chart("oracle", "The best a tokenizer permits, and what was reached", note, data, layout)
