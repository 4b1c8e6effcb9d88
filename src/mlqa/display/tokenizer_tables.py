"""Tables that compare tokenizers, for the terminal and as CSV. Rows are tokenization.json plus "model"."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from mlqa.display.tokenizer_labels import (
    FIGURES,
    format_figure,
    format_fit,
    format_half_width,
    format_interval,
    format_morphemes,
    list_readings,
)

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
        width: Columns of the terminal. From `WIDE` on, a column also says what each figure means, and half the width of
            its 95 % interval follows it.
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
        cells = [format_figure(row, name) for row in rows]
        if wide:
            cells = [f"{cell} {format_half_width(row, name)}".strip() for cell, row in zip(cells, rows, strict=True)]
        table.add_row(FIGURES[name].label, *cells, *meaning)
    return table


def build_families_table(rows: Rows) -> Table | None:
    """Build the table of suffix families: how many suffixes of each there are, and how many are cut cleanly.

    Returns:
        One line per family and one column per tokenizer, None if no tokenizer has families. If an ambiguous word is
        read in another way for each tokenizer, their numbers of suffixes differ: the fewest and the most are shown.
    """
    families = list_families(rows)
    if not families:
        return None
    table = Table(title=Text("Suffixes cut cleanly"), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("family")
    table.add_column("suffixes", justify="right")
    for row in rows:
        table.add_column(Text(row["model"]), justify="right")
    for name in families:
        found = [get_family(row, name) for row in rows]
        table.add_row(Text(name), format_suffix_count(found), *(_format_family(each) for each in found))
    return table


def list_families(rows: Rows) -> list[str]:
    """Return the names of the suffix families that any row has, that of all suffixes first."""
    return list(dict.fromkeys(name for row in rows for name in (row.get("morphemes") or {}).get("suffix_families", {})))


def get_family(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a row's figures of a suffix family, empty if it has none."""
    return dict((row.get("morphemes") or {}).get("suffix_families", {}).get(name, {}))


def format_suffix_count(found: Sequence[Mapping[str, Any]]) -> str:
    """Return how many suffixes of a family the tokenizers were judged on: a number, or the fewest and the most."""
    counts = sorted({int(each["suffixes"]) for each in found if each})
    return "–".join(f"{count:,}" for count in (counts if len(counts) == 1 else (counts[0], counts[-1])))


def _format_family(family: Mapping[str, Any]) -> str:
    if not family:
        return ""
    share = f"{family['clean']:.0%}"
    if "clean" not in family["intervals"]:  # of too few words, or all alike
        return share
    low, high = family["intervals"]["clean"]
    return f"{share} [{100 * low:.0f}, {100 * high:.0f}]"


def describe_sources(rows: Rows) -> list[str]:
    """Return in lines what the morphemes are compared with, how many words have any, and what is missing."""
    lines: dict[str, None] = {}
    for row in rows:
        details = row.get("morphemes") or {}
        if "source" in details:
            reading = f"the {details['reading']} reading" if "reading" in details else "the best reading"
            line = f"Morphemes: {details['source']}. Of several readings of a word, {reading} counts."
            if "reading" in details and details["reading"] != "best" and "suffix_families" in details:
                line += " Suffixes are always judged by the best reading."
            lines[line] = None
        if coverage := details.get("coverage"):
            reasons = "; ".join(
                f"{one['types']:,} have none because {why} ({', '.join(one['examples'][:3])})"
                for why, one in coverage["reasons"].items()
            )
            lines[
                f"Coverage: {coverage['types']:.1%} of the sampled types and {coverage['words']:.1%} of their running "
                f"words have an analysis. Of the types, {reasons or 'all have one'}."
            ] = None
        for note in row.get("notes") or ():
            lines[note[0].upper() + note[1:] + "."] = None
    return list(lines)


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


def build_words_table(rows: Rows, width: int) -> Table | None:
    """Build the table of words, one section per word and one line per tokenizer. None if there are no words.

    A section begins with the word and its readings, numbered if there are several, or why it has none. Its lines show
    the tokens, the tokens' ids if the terminal has at least `WIDE` columns, and how many morpheme boundaries of each
    reading the tokens meet.
    """
    groups = group_by_word(rows)
    if not groups:
        return None
    wide = width >= WIDE
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("word", "tokens", "ids", "morphemes met") if wide else ("word", "tokens", "morphemes met"):
        table.add_column(heading, overflow="fold")
    for group in groups:
        _, first = group[0]
        table.add_section()
        readings = list_readings(first)
        shown = [Text(format_morphemes(reading), style="italic") for reading in readings]
        if len(shown) > 1:
            shown = [Text(f"{number} ") + each for number, each in enumerate(shown, 1)]
        reason = Text(first.get("why") or "", style="dim italic")
        table.add_row(Text(first["word"], style="bold"), Text("\n").join(shown) if shown else reason)
        for model, word in group:
            tokens = Text(" ").join(Text(token, COLOURS[n % 2]) for n, token in enumerate(word["tokens"]))
            ids = [" ".join(map(str, word["input_ids"]))] if wide else []
            table.add_row(Text(f"  {model}"), tokens, *ids, _format_fits(word))
    return table


def _format_fits(word: Mapping[str, Any]) -> str:
    fits = [format_fit(reading) for reading in list_readings(word)]
    return fits[0] if len(fits) == 1 else "\n".join(f"{number} {fit}" for number, fit in enumerate(fits, 1))


def format_figures_csv(rows: Rows) -> str:
    """Format the figures as CSV, one line per tokenizer, with unrounded numbers and the bounds of their intervals."""
    names = select_figures(rows)
    bounded = [name for name in names if any(format_interval(row, name) for row in rows)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    bounds = [f"{name}_{end}" for name in bounded for end in ("low", "high")]
    writer.writerow(["model", "pretrained", *names, *bounds])
    for row in rows:
        intervals = row.get("intervals") or {}
        ends = [end for name in bounded for end in intervals.get(name, ("", ""))]
        writer.writerow([row["model"], row.get("pretrained") or "", *(row.get(name, "") for name in names), *ends])
    return text.getvalue()
