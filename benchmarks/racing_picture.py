"""Draws the comparison of racing.py as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_COLORS = {
    "race": "#0072b2",
    "grid": "#7f7f7f",
    "median pruner": "#e69f00",
    "ASHA": "#d55e00",
    "F-Race": "#009e73",
}
_WIDTH, _HEIGHT, _PAD = 420, 260, 44

Curves = Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]


def draw_lines(curves: Curves, below: str) -> str:
    """Draw one panel per title, two in a row.

    Args:
        curves: {title: {name: points}}.
        below: What is on the x axes.
    """
    rows = (len(curves) + 1) // 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH} {rows * _HEIGHT + 30}" font-size="12" '
        'font-family="system-ui, sans-serif" fill="#444"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for number, (name, color) in enumerate(_COLORS.items()):
        x = 60 + 150 * number
        parts.append(f'<line x1="{x}" x2="{x + 22}" y1="14" y2="14" stroke="{color}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 28}" y="18">{escape(name)}</text>')
    for number, (title, lines) in enumerate(curves.items()):
        left, top = number % 2 * _WIDTH, 30 + number // 2 * _HEIGHT
        parts += _draw_panel(title, lines, below, left, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _draw_panel(
    title: str, lines: Mapping[str, Sequence[tuple[float, float]]], below: str, left: int, top: int
) -> list[str]:
    points = [point for line in lines.values() for point in line]
    most_x = max(x for x, _ in points)
    most_y = max(1.0, *(y for _, y in points))
    most_y = 1.0 if most_y <= 1 else 10 * (int(most_y // 10) + 1)

    def place(x: float, y: float) -> tuple[float, float]:
        width, height = _WIDTH - _PAD - 16, _HEIGHT - 30 - _PAD
        return left + _PAD + x / most_x * width, top + 30 + (1 - y / most_y) * height

    parts = [f'<text x="{left + _PAD}" y="{top + 18}" font-weight="600">{escape(title)}</text>']
    for step in range(5):
        y = most_y * step / 4
        (x1, at), (x2, _) = place(0, y), place(most_x, y)
        parts.append(f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{x1 - 6:.1f}" y="{at + 4:.1f}" text-anchor="end">{y:g}</text>')
    for step in range(int(most_x) + 1):
        x, y = place(step, 0)
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{step}</text>')
    middle, bottom = place(most_x / 2, 0)
    parts.append(f'<text x="{middle:.1f}" y="{bottom + 32:.1f}" text-anchor="middle">{escape(below)}</text>')
    for name, line in sorted(lines.items(), key=lambda item: item[0] == "race"):  # ours on top
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        color, width = _COLORS[name], 3 if name == "race" else 2
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>')
    return parts
