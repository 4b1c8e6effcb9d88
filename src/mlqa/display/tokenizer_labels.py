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


def format_morphemes(row: Mapping[str, Any]) -> str:
    """Format the morphemes of a word with their glosses, e.g. "kedi (cat) + ler (plural)"."""
    return " + ".join(f"{part['surface']} ({part['gloss']})" for part in row["morphemes"])


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
