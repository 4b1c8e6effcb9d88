"""The figures of a comparison. The page chooses the colours, for light, dark and print."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from mlqa.report.chart import (
    MOST_SHOWN,
    Chart,
    escape_label,
    make_axes,
    make_category_axis,
    make_model_traces,
    make_place_name,
    make_point_trace,
    make_trace,
)
from mlqa.report.comparison import Comparison
from mlqa.report.grouping import group_by
from mlqa.report.reference import TOTAL, PublishedResult
from mlqa.report.run_charts import plot_learning_curves, plot_training_speed
from mlqa.report.tokenizer_charts import plot_fertility, plot_oracle_f1
from mlqa.report.wording import list_first


def make_charts(comparison: Comparison, published: Sequence[PublishedResult]) -> list[Chart]:
    """Make the figures for which there is data.

    Args:
        comparison: The configurations of one data set.
        published: Published results, drawn as stars.
    """
    charts = [
        _plot_f1(comparison, published),
        _plot_f1_vs_cost(comparison, published, "usd", "dollars per run", "F1 against dollars"),
        _plot_f1_vs_cost(comparison, published, "minutes", "minutes per run", "F1 against minutes"),
        plot_learning_curves(comparison, "loss", "training loss", "Learning curves"),
        plot_learning_curves(comparison, "eval_f1", "F1 on the validation questions", "F1 during training"),
        plot_training_speed(comparison),
        plot_fertility(comparison),
        plot_oracle_f1(comparison),
    ]
    return [chart for chart in charts if chart is not None]


def _plot_f1(comparison: Comparison, published: Sequence[PublishedResult]) -> Chart:
    shown = comparison.configurations[:MOST_SHOWN]
    data: list[dict[str, Any]] = []
    for number, (hardware, group) in enumerate(group_by(shown, lambda one: one.hardware).items()):
        bounds = [(one.f1, one.compute_interval("f1") or (one.f1, one.f1)) for one in group]
        trace = make_point_trace(number, hardware, group, map(make_place_name, group))
        above, below = [high - f1 for f1, (_, high) in bounds], [f1 - low for f1, (low, _) in bounds]
        data.append({**trace, "error_y": {"type": "data", "symmetric": False, "array": above, "arrayminus": below}})
    scored = [row for row in published if row.f1 is not None]
    if scored:
        data.append(_make_published_trace(scored, [html.escape(row.model) for row in scored]))
    note = "The bars are 95 % intervals over the choice of texts."
    if left := len(comparison.configurations) - len(shown):
        note += f" The best {MOST_SHOWN} are shown, and {left} are left out."
    note += _describe_published(comparison, scored)
    ends = [end for one in shown for end in one.compute_interval("f1") or (one.f1,)]
    ends += [row.f1 for row in scored if row.f1 is not None]
    margin = 0.06 * (max(ends) - min(ends)) or 1.0  # plotly.js would start at 0, far from all points
    yaxis = {"title": {"text": "F1"}, "range": [min(ends) - margin, max(ends) + margin]}
    layout = {"yaxis": yaxis, "xaxis": make_category_axis(data), "scattermode": "group"}
    return Chart("f1", "F1 by model and hardware", note, data, layout)


def _make_published_trace(rows: Sequence[PublishedResult], x: Iterable[Any]) -> dict[str, Any]:
    """Make a trace with published results, in a symbol of their own."""
    return make_trace(
        "published",
        x,
        [row.f1 for row in rows],
        "%{text}<br>F1 %{y:.2f}",
        marker={"symbol": "star-open", "size": 13},
        meta={"role": "published"},
        text=[escape_label(f"{row.checkpoint}, {row.instance_type}, published") for row in rows],
    )


def _describe_published(comparison: Comparison, rows: Sequence[PublishedResult]) -> str:
    """Describe the published points for a figure's note. Return "" if there are none."""
    if not rows:
        return ""
    if has_other_questions(comparison):
        return " The stars are published results on other questions, which do not compare with these runs."
    return " The stars are published results."


def has_other_questions(comparison: Comparison) -> bool:
    """Return whether the published results are on other questions than these members answered."""
    return {one.compute_mean("metrics", "total") for one in comparison.configurations} != {float(TOTAL)}


def _plot_f1_vs_cost(
    comparison: Comparison, published: Sequence[PublishedResult], axis: str, unit: str, title: str
) -> Chart | None:
    get_cost = attrgetter(axis)
    data = make_model_traces(comparison.configurations, get_cost, f", %{{x:.4g}} {unit}")
    if not data:
        return None
    drawn = [row for row in published if row.f1 is not None and get_cost(row) is not None]
    if drawn:
        data.append(_make_published_trace(drawn, map(get_cost, drawn)))
    front = sorted((one for one in comparison.configurations if axis in one.on_fronts), key=get_cost)
    data.append(
        make_trace(
            "Pareto front",
            map(get_cost, front),
            [one.f1 for one in front],
            mode="lines+markers",
            line={"shape": "hv", "dash": "dot", "width": 2},
            marker={"symbol": "circle-open", "size": 17, "line": {"width": 2}},
            hoverinfo="skip",
            meta={"role": "front"},
        )
    )
    names = list_first([one.name for one in front], 8)
    note = f"The rings mark the Pareto front: {names}. By these measurements, nothing beats it in both."
    note += _describe_published(comparison, drawn)
    return Chart(axis, title, note, data, make_axes(unit, "F1"))
