"""Figures of how runs went: learning curves, speed."""

from __future__ import annotations

from typing import Any

from mlqa.report.chart import (
    MOST_SHOWN,
    UNCUT,
    Chart,
    escape_label,
    group_configurations,
    make_category_axis,
    strip_hardware,
)
from mlqa.report.comparison import Comparison

MOST_CURVES = 20
POINTS_A_CURVE = 200


def plot_learning_curves(comparison: Comparison, key: str, axis: str, title: str) -> Chart | None:
    """`key` of history.jsonl by step, a line a run; None where no run logged it twice."""
    data: list[dict[str, Any]] = []
    left = 0
    for number, one in enumerate(comparison.configurations):
        for place, run in enumerate(one.runs):
            if len(data) >= MOST_CURVES:
                left += 1
                continue
            points = [(row["step"], row[key]) for row in run.read_history() if key in row and "step" in row]
            if len(points) < 2:
                continue
            points = points[:: -(-len(points) // POINTS_A_CURVE)]
            seed = f", seed {run.seed}" if len(one.runs) > 1 else ""
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": escape_label(one.name + seed),
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


def plot_training_speed(comparison: Comparison) -> Chart | None:
    """Windows a second, by model and hardware."""
    known = [
        (one, rate)
        for one in comparison.configurations
        if (rate := one.compute_mean("timing", "train_samples_per_second")) is not None
    ]
    if not known:
        return None
    left = max(0, len(known) - MOST_SHOWN)
    shown = known[:MOST_SHOWN]
    speed_of = {one.key: rate for one, rate in shown}
    colors = list(
        group_configurations(comparison.configurations, lambda one: one.hardware)
    )  # those of the first figure
    data = []
    for hardware, group in group_configurations([one for one, _ in shown], lambda one: one.hardware).items():
        data.append(
            {
                "type": "bar",
                "name": escape_label(hardware),
                "x": [escape_label(strip_hardware(one), UNCUT) for one in group],
                "y": [speed_of[one.key] for one in group],
                "text": [escape_label(one.name) for one in group],
                "textposition": "none",
                "meta": {"series": colors.index(hardware)},
                "hovertemplate": "%{text}<br>%{y:.1f} windows a second<extra></extra>",
            }
        )
    note = "Windows trained on a second, on all devices together." + (
        f" {left} are not shown, of a lower F1." if left else ""
    )
    layout = {"yaxis": {"title": {"text": "windows a second"}}, "xaxis": make_category_axis(data), "barmode": "group"}
    return Chart("speed", "Training speed", note, data, layout)
