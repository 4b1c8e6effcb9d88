"""Figures of training: learning curves and speed."""

from __future__ import annotations

from typing import Any

from mlqa.report.chart import (
    MOST_SHOWN,
    Chart,
    escape_label,
    make_axes,
    make_category_axis,
    make_place_name,
    make_trace,
)
from mlqa.report.comparison import Comparison
from mlqa.report.grouping import group_by

MOST_CURVES = 20
POINTS_PER_CURVE = 200


def plot_learning_curves(comparison: Comparison, key: str, axis: str, title: str) -> Chart | None:
    """Plot a number of history.jsonl by step, with one line per run.

    Args:
        comparison: The configurations of one data set.
        key: Name of the number in history.jsonl.
        axis: Title of the y axis.
        title: Title of the figure.

    Returns:
        None if no run logged the number at least twice. At most `MOST_CURVES` runs are drawn, those of the best F1.
    """
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
            steps, values = zip(*points[:: -(-len(points) // POINTS_PER_CURVE)], strict=True)
            name = f"{one.name}, seed {run.seed}" if len(one.runs) > 1 else one.name
            line = {"dash": ("solid", "dot", "dash", "longdash")[place % 4]}
            meta = {"series": number}
            data.append(make_trace(name, steps, values, mode="lines", line=line, meta=meta))
    if not data:
        return None
    note = "Each run is a line, each configuration a colour."
    note += f" The first {MOST_CURVES} by F1 are shown, and {left} are left out." if left else ""
    return Chart(key, title, note, data, make_axes("step", axis))


def plot_training_speed(comparison: Comparison) -> Chart | None:
    """Plot the windows per second by model and hardware. Return None if no speed is known."""
    speeds = ((one.key, one.compute_mean("timing", "train_samples_per_second")) for one in comparison.configurations)
    speed_of = {key: speed for key, speed in speeds if speed is not None}
    if not speed_of:
        return None
    known = [one for one in comparison.configurations if one.key in speed_of]
    # Each hardware has the same colour as in the figure of F1.
    colors = list(group_by(comparison.configurations, lambda one: one.hardware))
    data = [
        make_trace(
            hardware,
            map(make_place_name, group),
            [speed_of[one.key] for one in group],
            "%{text}<br>%{y:.1f} windows per second",
            type="bar",
            text=[escape_label(one.name) for one in group],
            textposition="none",
            meta={"series": colors.index(hardware)},
        )
        for hardware, group in group_by(known[:MOST_SHOWN], lambda one: one.hardware).items()
    ]
    note = "Windows per second in training, over all devices."
    left = len(known) - MOST_SHOWN
    if left > 0:
        note += f" {left} configurations of lower F1 are left out."
    layout = {"yaxis": {"title": {"text": "windows per second"}}, "xaxis": make_category_axis(data), "barmode": "group"}
    return Chart("speed", "Training speed", note, data, layout)
