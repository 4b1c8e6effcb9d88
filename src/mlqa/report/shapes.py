"""What figures are made of, as positions in per cent of a box. The page draws them without a script.

A figure grows and shrinks with its box while its text keeps its size, so that it can be read on a phone and in print.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

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

    def locate(self, value: float) -> float:
        """Return the position of a value, in per cent of the axis."""
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
