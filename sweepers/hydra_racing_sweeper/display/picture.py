"""The picture of a race, as SVG in a page of its own: no library, no script, nothing fetched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from hydra_racing_sweeper.display.table import STATES, describe_state, format_interval, format_runs, sort_standings
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.race import Race
from hydra_racing_sweeper.standings import Standing

PICTURE = "race.html"
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f7f7f")  # Okabe and Ito
_GREY = "#8a8f98"
_WIDTH, _TOP, _BOTTOM = 940, 46, 40
_LEFT_PANEL, _RIGHT_PANEL = (56, 470), (590, 900)  # from and to, in pixels
_ROW = 26
_LONGEST = 16  # characters of a name beside the intervals

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 980px; margin: 2rem auto; padding: 0 1rem;
  background: #fff; color: #1c1e21 }}
h1 {{ font-size: 1.3rem }}
svg {{ width: 100%; height: auto }}
table {{ border-collapse: collapse; width: 100%; font-size: 14px }}
th, td {{ text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid #dfe2e6; vertical-align: top }}
.dot {{ display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #15171a; color: #e6e6e6 }} th, td {{ border-color: #33373d }}
}}
</style>
<h1>{title}</h1>
{svg}
<table><tr><th>treatment<th>runs<th>mean<th>behind the best<th>state</tr>
{rows}
</table>
</html>
"""


def write_picture(path: Path, race: Race) -> None:
    """Write the picture: a page if the name ends with .html, the drawing alone if it ends with .svg.

    Raises:
        RaceError: The name ends otherwise, or the file cannot be written.
    """
    if path.suffix not in (".html", ".svg"):
        raise RaceError(f"{path}: is neither .html nor .svg; choose a name with one of these endings")
    drawing = draw_race(race)
    try:
        path.write_text(_build_page(race, drawing) if path.suffix == ".html" else drawing, "utf-8")
    except OSError as error:
        raise RaceError(f"{path}: cannot be written: {error.strerror or error}") from None


def draw_race(race: Race) -> str:
    """Draw a race as SVG: on the left the score of each run and the running means, on the right the intervals."""
    standings = sort_standings(race)
    height = _TOP + max(8, len(standings)) * _ROW + _BOTTOM
    colors = _choose_colors(standings)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="system-ui, sans-serif" '
        f'font-size="12" fill="{_GREY}" role="img" aria-label="{escape(describe_state(race))}">',
        *_draw_runs(race, colors, height),
        *_draw_intervals(standings, colors, height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _choose_colors(standings: Sequence[Standing]) -> dict[str, str]:
    return {each.name: _COLORS[number % len(_COLORS)] for number, each in enumerate(standings)}


def _draw_runs(race: Race, colors: dict[str, str], height: int) -> list[str]:
    left, right = _LEFT_PANEL
    samples = {index: [race.sign * score for score in race.list_scores(index)] for index in range(len(race.treatments))}
    kept = {index: _keep(race, scores) for index, scores in samples.items()}
    shown = [score for scores in kept.values() for score in scores]
    if not shown:
        return [f'<text x="{left}" y="{_TOP}">no run has ended yet</text>']
    low, high = _widen(min(shown), max(shown))
    rounds = max(len(scores) for scores in samples.values())

    def place(number: int, score: float) -> tuple[float, float]:
        x = left + (number + 0.5) * (right - left) / max(rounds, 1)
        return x, _TOP + (high - score) / (high - low) * (height - _TOP - _BOTTOM)

    parts = [f'<text x="{left}" y="20" font-weight="600">score of each run, and the mean so far</text>']
    for tick in _choose_ticks(low, high):
        y = place(0, tick)[1]
        parts.append(
            f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_GREY}" stroke-opacity=".25"/>'
        )
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for number in range(rounds):
        parts.append(
            f'<text x="{place(number, low)[0]:.1f}" y="{height - 18}" text-anchor="middle">{number + 1}</text>'
        )
    parts.append(f'<text x="{(left + right) / 2}" y="{height - 3}" text-anchor="middle">replicate</text>')
    for index, treatment in enumerate(race.treatments):
        color = colors[treatment.name]
        points, means = [], []
        for number, score in enumerate(samples[index]):
            so_far = _keep(race, samples[index][: number + 1])
            means.append(place(number, sum(so_far) / len(so_far)))
            x, y = place(number, min(max(score, low), high))
            collapsed = score not in kept[index]
            fill = "none" if collapsed else color
            title = f"{treatment.name}, replicate {number + 1}: {score:.4g}" + " (collapsed)" * collapsed
            points.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{fill}" stroke="{color}" fill-opacity=".55">'
                f"<title>{escape(title)}</title></circle>"
            )
        if means:
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in means)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
            if treatment.state == "dropped":
                x, y = means[-1]
                cross = f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
                parts.append(f'<path d="{cross}" stroke="{color}" stroke-width="2.5" fill="none"/>')
        parts += points
    return parts


def _draw_intervals(standings: Sequence[Standing], colors: dict[str, str], height: int) -> list[str]:
    left, right = _RIGHT_PANEL
    bounds = [value for each in standings for value in (each.behind_low, each.behind_high) if value is not None]
    low, high = _widen(min([0.0, *bounds]), max([0.0, *bounds]))

    def place(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    names = _shorten([each.name for each in standings])
    parts = [f'<text x="{left}" y="20" font-weight="600">behind the best, with interval</text>']
    for tick in _choose_ticks(low, high):
        x = place(tick)
        weight = ".8" if tick == 0 else ".2"
        y2 = height - _BOTTOM + 4
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{y2}" stroke="{_GREY}" stroke-opacity="{weight}"/>'
        )
        parts.append(f'<text x="{x:.1f}" y="{height - 18}" text-anchor="middle">{tick:g}</text>')
    for number, each in enumerate(standings):
        y, color = _TOP + (number + 0.5) * _ROW, colors[each.name]
        parts.append(
            f'<text x="{left - 12}" y="{y + 4:.1f}" text-anchor="end" fill="{color}">{escape(names[number])}</text>'
        )
        if each.behind is not None and each.behind_low is not None and each.behind_high is not None:
            a, b = place(each.behind_low), place(each.behind_high)
            parts.append(f'<line x1="{a:.1f}" x2="{b:.1f}" y1="{y}" y2="{y}" stroke="{color}" stroke-width="2"/>')
            parts.append(f'<circle cx="{place(each.behind):.1f}" cy="{y}" r="4.5" fill="{color}"/>')
        elif each.mean is not None:
            parts.append(f'<circle cx="{place(0):.1f}" cy="{y}" r="4.5" fill="{color}"/>')
    return parts


def _keep(race: Race, scores: Sequence[float]) -> list[float]:
    """Return the scores that count, in the unit in which they were reported."""
    best = max(race.sign * score for score in scores) if scores else 0.0
    return [score for score in scores if race.sign * score >= best - race.rule.collapse]


def _widen(low: float, high: float) -> tuple[float, float]:
    pad = 0.06 * (high - low) or abs(high) * 0.01 or 1.0
    return low - pad, high + pad


def _choose_ticks(low: float, high: float) -> list[float]:
    """Return some four to nine round numbers between two values."""
    power = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = power * max(factor for factor in (1, 2, 2.5, 5) if factor == 1 or (high - low) / (power * factor) >= 3.5)
    numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [round(number * step, 10) + 0.0 for number in numbers]


def _shorten(names: Sequence[str]) -> list[str]:
    """Return names that fit: the values alone if one is too long with its keys."""
    if max(map(len, names)) > _LONGEST:
        names = [" ".join(part.partition("=")[2] or part for part in name.split(" ")) for name in names]
    return [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..." for name in names]


def _build_page(race: Race, drawing: str) -> str:
    colors = _choose_colors(sort_standings(race))
    rows = "\n".join(
        f'<tr><td><span class="dot" style="background:{colors[each.name]}"></span>{escape(each.name)}'
        f"<td>{format_runs(each)}<td>{format_interval(each.mean, each.high)}"
        f"<td>{format_interval(each.behind, each.behind_high)}"
        f"<td>{STATES[each.state]}{escape(f': {each.reason}' if each.reason else '')}</tr>"
        for each in sort_standings(race)
    )
    return _PAGE.format(title=escape(describe_state(race)), svg=drawing, rows=rows)
