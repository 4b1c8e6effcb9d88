"""What figures are made of: a figure as plain data for plotly.js, its names, its points.

plotly.js reads some HTML in every text, so that all names pass `label` first.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.report.configurations import Configuration

MOST_SHOWN = 40  # configurations in a figure with a place on the axis each
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


def escape_label(text: str, most: int = 60) -> str:
    """A name as plotly.js shows it letter by letter, cut where it would not fit."""
    return html.escape(text if len(text) <= most else text[: most - 1] + "…")


def make_category_axis(data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """An axis with a place for each name: names that are alike where they are cut keep places of their own."""
    names = list(dict.fromkeys(name for trace in data for name in trace["x"]))
    shown = [escape_label(html.unescape(name), 40) for name in names]
    return {"type": "category", "tickmode": "array", "tickvals": names, "ticktext": shown}


def strip_hardware(one: Configuration) -> str:
    """The name without its hardware."""
    return one.name.replace(f" on {one.hardware}", "", 1)


def group_configurations(
    configurations: Sequence[Configuration], key: Callable[[Configuration], str]
) -> dict[str, list[Configuration]]:
    """Those of each key, in the order in which they come."""
    groups: dict[str, list[Configuration]] = {}
    for one in configurations:
        groups.setdefault(key(one), []).append(one)
    return groups


def make_scatter_trace(
    number: int, name: str, group: Sequence[Configuration], x: Sequence[float], y: Sequence[float], told: str
) -> dict[str, Any]:
    """The `number`-th trace: configurations of one `name` at (x, y); `told` says what x is."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape_label(name),
        "x": list(x),
        "y": list(y),
        "text": [escape_label(one.name) for one in group],
        "marker": {"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 10},
        "hovertemplate": f"%{{text}}<br>F1 %{{y:.2f}}, {told}<extra></extra>",
    }
