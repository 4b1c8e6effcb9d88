"""The figures of a comparison. Colours are the page's, which knows light, dark and print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlqa.report.chart import MOST_SHOWN, SYMBOLS, UNCUT, Chart, by, categories, label, points, variant
from mlqa.report.comparison import Comparison
from mlqa.report.configurations import Configuration
from mlqa.report.reference import TOTAL, Published
from mlqa.report.run_charts import curves, speed
from mlqa.report.tokenizer_charts import fertility, oracle


def charts_of(comparison: Comparison, published: Sequence[Published]) -> list[Chart]:
    """The figures of which there is data."""
    made = [
        _f1(comparison, published),
        _price(comparison, published, "usd", "dollars a run", "F1 against dollars"),
        _price(comparison, published, "minutes", "minutes a run", "F1 against minutes"),
        curves(comparison, "loss", "training loss", "Learning curves"),
        curves(comparison, "eval_f1", "F1 on the validation questions", "F1 while training"),
        speed(comparison),
        fertility(comparison),
        oracle(comparison),
    ]
    return [chart for chart in made if chart is not None]


def _f1(comparison: Comparison, published: Sequence[Published]) -> Chart:
    shown = comparison.configurations[:MOST_SHOWN]
    data: list[dict[str, Any]] = []
    for number, (hardware, group) in enumerate(by(shown, lambda one: one.hardware).items()):
        bounds = [one.interval("f1") or (one.f1, one.f1) for one in group]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label(hardware),
                "x": [label(variant(one), UNCUT) for one in group],
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
    layout = {"yaxis": yaxis, "xaxis": categories(data), "scattermode": "group"}
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
        points(number, name, group, [price(one) for one in group], [one.f1 for one in group], f"%{{x:.4g}} {unit}")
        for number, (name, group) in enumerate(by(priced, lambda one: one.model).items())
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
