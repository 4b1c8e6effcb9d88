"""Tables that compare tokenizers, for the terminal and as CSV. Rows are tokenization.json plus "model"."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from mlqa.display.tokenizer_labels import FIGURES, format_figure, format_morphemes

Rows = Sequence[Mapping[str, Any]]
COLOURS = ("bold cyan", "bold magenta")
WIDE = 100  # columns of a terminal: a narrower one drops meanings and ids, which are documented or exported elsewhere


def select_figures(rows: Rows) -> list[str]:
    """Return the names of the figures that any row has, in the order in which they are shown."""
    return [name for name in FIGURES if any(row.get(name) is not None for row in rows)]


def build_figures_table(rows: Rows, title: str, width: int) -> Table:
    """Build the table of figures, one line per figure and one column per tokenizer.

    Args:
        rows: One per tokenizer.
        title: Shown above the table.
        width: Columns of the terminal. From `WIDE` on, a column also says what each figure means.
    """
    wide = width >= WIDE
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("")
    for row in rows:
        table.add_column(Text(row["model"]), justify="right")
    if wide:
        table.add_column("meaning", style="dim")
    else:
        table.caption = f"For what each figure means, see docs/tokenizers.md or use a terminal of {WIDE} columns."
        table.caption_justify = "left"
    for name in select_figures(rows):
        meaning = [FIGURES[name].meaning] if wide else []
        table.add_row(FIGURES[name].label, *(format_figure(row, name) for row in rows), *meaning)
    return table


def group_by_word(rows: Rows) -> list[list[tuple[str, Mapping[str, Any]]]]:
    """Group the analyzed words of all tokenizers by word.

    Data sets of several languages have different word lists, so a word may lack some tokenizers.

    Returns:
        One list per word, in the order of the word lists: (model, word row) for each tokenizer that analyzed it.
    """
    groups: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for row in rows:
        for word in row["analysed_words"]:
            groups.setdefault(word["word"], []).append((row["model"], word))
    return list(groups.values())


def build_words_table(rows: Rows, width: int) -> Table:
    """Build the table of words, one section per word and one line per tokenizer.

    A section begins with the word and its morphemes. Its lines show the tokens, the tokens' ids if the terminal has at
    least `WIDE` columns, and how many morpheme boundaries the tokens meet.
    """
    wide = width >= WIDE
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("word", "tokens", "ids", "morphemes met") if wide else ("word", "tokens", "morphemes met"):
        table.add_column(heading, overflow="fold")
    for group in group_by_word(rows):
        _, first = group[0]
        table.add_section()
        table.add_row(Text(first["word"], style="bold"), Text(format_morphemes(first), style="italic"))
        for model, word in group:
            tokens = Text(" ").join(Text(token, COLOURS[n % 2]) for n, token in enumerate(word["tokens"]))
            ids = [" ".join(map(str, word["input_ids"]))] if wide else []
            table.add_row(Text(f"  {model}"), tokens, *ids, _format_met_boundaries(word))
    return table


def _format_met_boundaries(word: Mapping[str, Any]) -> str:
    if word["met"] is None:
        return ""
    total = len(word["met"]) + len(word["missed"])
    inside = len(word["inside"])
    return f"{len(word['met'])} of {total}" + (f", {inside} inside" if inside else "")


def format_figures_csv(rows: Rows) -> str:
    """Format the figures as CSV, one line per tokenizer, with unrounded numbers."""
    names = select_figures(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "pretrained", *names])
    for row in rows:
        writer.writerow([row["model"], row.get("pretrained") or "", *(row.get(name, "") for name in names)])
    return text.getvalue()
