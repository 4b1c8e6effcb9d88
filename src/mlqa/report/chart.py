"""The parts of figures: a figure as plain data for plotly.js, its names and its points.

plotly.js interprets some HTML in every text, so every name is escaped first.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.report.configurations import Configuration
from mlqa.report.grouping import group_by

MOST_SHOWN = 40  # configurations in a figure that gives each a place on its axis
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon", "hexagon", "triangle-down")


@dataclass(frozen=True)
class Chart:
    """A figure. `data` and `layout` are plotly.js's. `note` says in words what is seen and what was left out."""

    name: str
    title: str
    note: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


def escape_label(text: str, most: int = 60) -> str:
    """Escape a name for plotly.js.

    Args:
        text: The name.
        most: Characters to keep. A longer name ends in "…".
    """
    return html.escape(text if len(text) <= most else text[: most - 1] + "…")


def make_place_name(one: Configuration) -> str:
    """Return a configuration's name without its hardware, escaped: its place on a category axis."""
    return html.escape(one.name.replace(f" on {one.hardware}", "", 1))


def make_category_axis(data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Make an axis with one place per name. Names that are equal when shortened keep separate places.

    Args:
        data: Traces whose x are names.
    """
    names = list(dict.fromkeys(name for trace in data for name in trace["x"]))
    shown = [escape_label(html.unescape(name), 40) for name in names]
    return {"type": "category", "tickmode": "array", "tickvals": names, "ticktext": shown}


def make_axes(x: str, y: str) -> dict[str, Any]:
    """Make a layout with a title for each axis."""
    return {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}


def make_trace(name: str, x: Iterable[Any], y: Iterable[Any], hover: str = "", **more: Any) -> dict[str, Any]:
    """Make a trace, of points unless `more` gives it another type.

    Args:
        name: Name of the trace.
        x: The place of each point.
        y: Its height.
        hover: What the pointer shows of it, in plotly's format. Empty for what plotly.js shows by itself.
        **more: Further attributes of plotly.js.
    """
    kind = {} if "type" in more else {"type": "scatter", "mode": "markers"}
    shown = {"hovertemplate": f"{hover}<extra></extra>"} if hover else {}
    return {"name": escape_label(name), "x": list(x), "y": list(y), **kind, **shown, **more}


def make_point_trace(
    number: int, name: str, group: Sequence[Configuration], x: Iterable[Any], x_text: str = ""
) -> dict[str, Any]:
    """Make a trace with the F1 of each configuration as a point.

    Args:
        number: Number of the trace in its figure, which decides the symbol.
        name: Name of the trace.
        group: The configurations.
        x: The place of each.
        x_text: What the pointer shows of x after F1, in plotly's format, e.g. ", %{x:.2f} minutes".
    """
    marker = {"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 10}
    names = [escape_label(one.name) for one in group]
    hover = f"%{{text}}<br>F1 %{{y:.2f}}{x_text}"
    return make_trace(name, x, [one.f1 for one in group], hover, text=names, marker=marker)


def make_model_traces(
    configurations: Sequence[Configuration], get_x: Callable[[Configuration], float | None], x_text: str
) -> list[dict[str, Any]]:
    """Make one trace per model with F1 against a number. Configurations without the number are left out.

    Args:
        configurations: The configurations.
        get_x: Returns the number, None if it is unknown.
        x_text: What the pointer shows of it after F1, in plotly's format.
    """
    known = [one for one in configurations if get_x(one) is not None]
    groups = group_by(known, lambda one: one.model)
    return [
        make_point_trace(number, name, group, map(get_x, group), x_text)
        for number, (name, group) in enumerate(groups.items())
    ]
