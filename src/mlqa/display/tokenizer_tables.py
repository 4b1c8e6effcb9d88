"""Tokenizers side by side, as tables for the terminal and as CSV. Takes plain values: tokenization.json and "model"."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from mlqa.display.tokenizer_labels import FIGURES, format_figure

Rows = Sequence[Mapping[str, Any]]
COLOURS = ("bold cyan", "bold magenta")
WIDE = 100  # characters a line: below, what can be read elsewhere gives way to the figures and tokens


def select_figures(rows: Rows) -> list[str]:
    """Names of the figures that any row has, in the order they are shown."""
    return [name for name in FIGURES if any(row.get(name) is not None for row in rows)]


def build_figures_table(rows: Rows, title: str, width: int) -> Table:
    """A line a figure, a column a tokenizer, and in a line of WIDE characters what the figure says."""
    wide = width >= WIDE
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("")
    for row in rows:
        table.add_column(Text(row["model"]), justify="right")
    if wide:
        table.add_column("what it says", style="dim")
    else:
        table.caption, table.caption_justify = (
            f"What each says: docs/tokenizers.md, or a terminal of {WIDE} columns.",
            "left",
        )
    for name in select_figures(rows):
        meaning = [FIGURES[name].meaning] if wide else []
        table.add_row(FIGURES[name].label, *(format_figure(row, name) for row in rows), *meaning)
    return table


def group_by_word(rows: Rows) -> list[list[tuple[str, Mapping[str, Any]]]]:
    """A list a word, in the order of the lists: (model, the word's row) of each tokenizer that was asked for it. Data
    sets of several languages have several lists."""
    found: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for row in rows:
        for word in row["analysed_words"]:
            found.setdefault(word["word"], []).append((row["model"], word))
    return list(found.values())


def build_words_table(rows: Rows, width: int) -> Table:
    """A line a word and tokenizer: the word cut where tokens begin, in a line of WIDE characters the tokens' ids, and
    how many of the morphemes' boundaries a token meets; a section a word, under its morphemes."""
    wide = width >= WIDE
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("word", "tokens", "ids", "morphemes met") if wide else ("word", "tokens", "morphemes met"):
        table.add_column(heading, overflow="fold")
    for group in group_by_word(rows):
        _, first = group[0]
        morphemes = " + ".join(f"{part['surface']} ({part['gloss']})" for part in first["morphemes"])
        table.add_section()
        table.add_row(Text(first["word"], style="bold"), Text(morphemes, style="italic"))
        for model, word in group:
            tokens = Text(" ").join(Text(token, COLOURS[n % 2]) for n, token in enumerate(word["tokens"]))
            ids = [" ".join(map(str, word["input_ids"]))] if wide else []
            table.add_row(Text(f"  {model}"), tokens, *ids, _format_met_boundaries(word))
    return table


def _format_met_boundaries(word: Mapping[str, Any]) -> str:
    if word["met"] is None:
        return ""
    of = len(word["met"]) + len(word["missed"])
    inside = len(word["inside"])
    return f"{len(word['met'])} of {of}" + (f", {inside} inside" if inside else "")


def format_figures_csv(rows: Rows) -> str:
    """The figures, one line a tokenizer, numbers in full."""
    names = select_figures(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "pretrained", *names])
    for row in rows:
        writer.writerow([row["model"], row.get("pretrained") or "", *(row.get(name, "") for name in names)])
    return text.getvalue()
