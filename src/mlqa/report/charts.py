"""The figures of a comparison. Colours are the page's, which knows light, dark and print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlqa.report.chart import (
    MOST_SHOWN,
    SYMBOLS,
    UNCUT,
    Chart,
    escape_label,
    group_configurations,
    make_category_axis,
    make_scatter_trace,
    strip_hardware,
)
from mlqa.report.comparison import Comparison
from mlqa.report.configurations import Configuration
from mlqa.report.reference import TOTAL, PublishedResult
from mlqa.report.run_charts import plot_learning_curves, plot_training_speed
from mlqa.report.tokenizer_charts import plot_fertility, plot_oracle_f1


def make_charts(comparison: Comparison, published: Sequence[PublishedResult]) -> list[Chart]:
    """The figures of which there is data."""
    made = [
        _plot_f1(comparison, published),
        _plot_f1_vs_cost(comparison, published, "usd", "dollars a run", "F1 against dollars"),
        _plot_f1_vs_cost(comparison, published, "minutes", "minutes a run", "F1 against minutes"),
        plot_learning_curves(comparison, "loss", "training loss", "Learning curves"),
        plot_learning_curves(comparison, "eval_f1", "F1 on the validation questions", "F1 while training"),
        plot_training_speed(comparison),
        plot_fertility(comparison),
        plot_oracle_f1(comparison),
    ]
    return [chart for chart in made if chart is not None]


def _plot_f1(comparison: Comparison, published: Sequence[PublishedResult]) -> Chart:
    shown = comparison.configurations[:MOST_SHOWN]
    data: list[dict[str, Any]] = []
    for number, (hardware, group) in enumerate(group_configurations(shown, lambda one: one.hardware).items()):
        bounds = [one.compute_interval("f1") or (one.f1, one.f1) for one in group]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": escape_label(hardware),
                "x": [escape_label(strip_hardware(one), UNCUT) for one in group],
                "y": [one.f1 for one in group],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [high - one.f1 for one, (_, high) in zip(group, bounds, strict=True)],
                    "arrayminus": [one.f1 - low for one, (low, _) in zip(group, bounds, strict=True)],
                },
                "marker": {"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 10},
                "text": [escape_label(one.name) for one in group],
                "hovertemplate": "%{text}<br>F1 %{y:.2f}<extra></extra>",
            }
        )
    scored = [row for row in published if row.f1 is not None]
    if scored:
        data.append(_make_published_trace(scored, [escape_label(row.model, UNCUT) for row in scored]))
    left = len(comparison.configurations) - len(shown)
    note = "Bars are 95 % intervals by the choice of texts." + (
        f" The best {MOST_SHOWN} are shown, {left} not." if left else ""
    )
    note += _describe_published(comparison, scored)
    ends = [end for one in shown for end in one.compute_interval("f1") or (one.f1,)]
    ends += [row.f1 for row in scored if row.f1 is not None]
    room = 0.06 * (max(ends) - min(ends)) or 1.0  # plotly.js would begin at 0, where nothing is to be seen
    yaxis = {"title": {"text": "F1"}, "range": [min(ends) - room, max(ends) + room]}
    layout = {"yaxis": yaxis, "xaxis": make_category_axis(data), "scattermode": "group"}
    return Chart("f1", "F1 by model and hardware", note, data, layout)


def _make_published_trace(rows: Sequence[PublishedResult], x: Sequence[Any]) -> dict[str, Any]:
    """Published rows as points of their own kind."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "published",
        "x": list(x),
        "y": [row.f1 for row in rows],
        "marker": {"symbol": "star-open", "size": 13},
        "meta": {"role": "published"},
        "text": [escape_label(f"{row.checkpoint}, {row.instance_type}, published") for row in rows],
        "hovertemplate": "%{text}<br>F1 %{y:.2f}<extra></extra>",
    }


def _describe_published(comparison: Comparison, rows: Sequence[PublishedResult]) -> str:
    """What a figure's note says of published points; "" where there are none."""
    if not rows:
        return ""
    if has_other_questions(comparison):
        return " Stars: published, of other questions than these runs', so that they do not compare."
    return " Stars: published."


def has_other_questions(comparison: Comparison) -> bool:
    """Whether the published results answered others than these members."""
    return {one.compute_mean("metrics", "total") for one in comparison.configurations} != {float(TOTAL)}


def _plot_f1_vs_cost(
    comparison: Comparison, published: Sequence[PublishedResult], axis: str, unit: str, title: str
) -> Chart | None:
    def price(one: Configuration) -> float:
        found = getattr(one, axis)
        assert found is not None
        return float(found)

    priced = [one for one in comparison.configurations if getattr(one, axis) is not None]
    if not priced:
        return None
    data: list[dict[str, Any]] = [
        make_scatter_trace(
            number, name, group, [price(one) for one in group], [one.f1 for one in group], f"%{{x:.4g}} {unit}"
        )
        for number, (name, group) in enumerate(group_configurations(priced, lambda one: one.model).items())
    ]
    drawn = [row for row in published if row.f1 is not None and row.get_cost(axis) is not None]
    if drawn:
        data.append(_make_published_trace(drawn, [row.get_cost(axis) for row in drawn]))
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
    note += _describe_published(comparison, drawn)
    return Chart(axis, title, note, data, {"xaxis": {"title": {"text": unit}}, "yaxis": {"title": {"text": "F1"}}})
