"""The labels and formats of tokenizer figures and words, shared by terminal, CSV, HTML and W&B.

Everything here takes plain values: figures as {name: number} and the word rows of tokenization.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

import yaml


class FigureColumn(NamedTuple):
    """How a figure is shown: its label, its number format and its meaning in one line."""

    label: str
    form: str
    meaning: str


FIGURES = {
    name: FigureColumn(**column)
    for name, column in yaml.safe_load((files("mlqa.display") / "figures.yaml").read_text("utf-8")).items()
}
WORDS = ("model", "word", "tokens", "count", "input_ids", "morphemes", "met", "missed", "inside")


def format_figure(figures: Mapping[str, float], name: str) -> str:
    """Format a figure of `FIGURES`, e.g. "40.0%". Return "" if its value is unknown."""
    value = figures.get(name)
    return "" if value is None else f"{value:{FIGURES[name].form}}"


def format_interval(row: Mapping[str, Any], name: str) -> str:
    """Format the 95 % interval of a figure, e.g. "39.6% to 40.5%". Return "" if it has none."""
    interval = (row.get("intervals") or {}).get(name)
    return "" if interval is None else " to ".join(f"{bound:{FIGURES[name].form}}" for bound in interval)


def format_half_width(row: Mapping[str, Any], name: str) -> str:
    """Format half the width of a figure's 95 % interval, e.g. "±0.5". Return "" if it has none."""
    interval = (row.get("intervals") or {}).get(name)
    if interval is None:
        return ""
    return "±" + f"{(interval[1] - interval[0]) / 2:{FIGURES[name].form}}".rstrip("%")


def format_morphemes(row: Mapping[str, Any]) -> str:
    """Format the morphemes of a word or a reading with their meanings, e.g. "kedi (cat) + ler (plural)"."""
    return " + ".join(
        f"{part['surface']} ({part['gloss']})" if part["gloss"] else part["surface"] for part in row["morphemes"]
    )


def list_readings(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the readings of a word row. A row of an older run has only its own morphemes."""
    readings = row.get("readings")
    return list(readings) if readings is not None else [row] if row["morphemes"] else []


def format_fit(reading: Mapping[str, Any]) -> str:
    """Format how tokens meet the morphemes of a reading, e.g. "1 of 2 met, 1 inside". Return "" if it is unknown."""
    if reading["met"] is None:
        return ""
    total, inside = len(reading["met"]) + len(reading["missed"]), len(reading["inside"])
    return f"{len(reading['met'])} of {total}" + (f", {inside} inside" if inside else "")


def build_word_cells(model: str, row: Mapping[str, Any]) -> list[str | int | None]:
    """Build the cells of one word.

    Args:
        model: Name of the tokenizer's model.
        row: A word row of tokenization.json.

    Returns:
        One cell per column of `WORDS`. "met", "missed" and "inside" are numbers of boundaries, None if the morphemes
        are unknown.
    """
    counts = [None if row[name] is None else len(row[name]) for name in ("met", "missed", "inside")]
    return [
        model,
        row["word"],
        " ".join(row["tokens"]),
        len(row["tokens"]),
        " ".join(map(str, row["input_ids"])),
        format_morphemes(row),
        *counts,
    ]
