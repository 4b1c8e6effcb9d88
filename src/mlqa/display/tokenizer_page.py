"""The HTML page that compares tokenizers: figures with bars, suffix families, and the tokens of each word in colour.

The page is one file that fetches nothing. Its script searches words and copies tables, and the rest works without it.
Rows are tokenization.json plus "model".
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from itertools import pairwise
from typing import Any

from mlqa.display.html import build_security_policy, render_template
from mlqa.display.tokenizer_labels import (
    FIGURES,
    format_figure,
    format_fit,
    format_interval,
    format_morphemes,
    list_readings,
)
from mlqa.display.tokenizer_latex import render_figures_latex, render_words_latex
from mlqa.display.tokenizer_tables import (
    Rows,
    describe_sources,
    format_suffix_count,
    get_family,
    group_by_word,
    list_families,
    select_figures,
)

MarkedPieces = list[tuple[str, list[str]]]


def render_tokenizer_page(rows: Rows, title: str) -> str:
    """Render the figures and words of several tokenizers as an HTML document.

    Args:
        rows: One per tokenizer.
        title: Title of the document.

    Returns:
        The document, to be written as UTF-8.
    """
    from markupsafe import Markup

    script = (files("mlqa.display") / "templates" / "tokenizers.js").read_text("utf-8")
    return render_template(
        "mlqa.display",
        "tokenizers.html.j2",
        title=title,
        models=[row["model"] for row in rows],
        figures=[(FIGURES[name], _draw_bars(rows, name)) for name in select_figures(rows)],
        families=[
            (name, format_suffix_count(cells), cells)
            for name in list_families(rows)
            if (cells := [get_family(row, name) for row in rows])
        ],
        words=mark_words(rows),
        sources=describe_sources(rows),
        latex={"figures": render_figures_latex(rows), "words": render_words_latex(rows)},
        list_readings=list_readings,
        format_morphemes=format_morphemes,
        format_fit=format_fit,
        script=Markup(script),
        policy=build_security_policy(script),
    )


def mark_words(rows: Rows) -> list[tuple[Mapping[str, Any], list[tuple[str, Mapping[str, Any], MarkedPieces]]]]:
    """Mark the pieces of each word by how they meet its morphemes.

    Args:
        rows: One per tokenizer.

    Returns:
        For each word its first word row, which has the morphemes, and (model, word row, pieces) for each tokenizer
        that analyzed it. A piece is how its beginning meets the morphemes ("met", "inside", or "" if unknown or at
        the start of the word), and its text, split at each morpheme that begins inside it.
    """
    return [
        (group[0][1], [(model, word, _mark_pieces(word)) for model, word in group]) for group in group_by_word(rows)
    ]


def _draw_bars(rows: Rows, name: str) -> list[tuple[str, str, int]]:
    """Return the text of each cell, its interval, and the width of its bar, in per cent of the largest number."""
    largest = max(float(row.get(name) or 0) for row in rows) or 1.0
    return [
        (format_figure(row, name), format_interval(row, name), round(100 * float(row.get(name) or 0) / largest))
        for row in rows
    ]


def _mark_pieces(word: Mapping[str, Any]) -> MarkedPieces:
    met, missed = (set(word[name] or ()) for name in ("met", "missed"))
    marked, start = [], 0
    for piece in word["pieces"]:
        end = start + len(piece)
        kind = "" if not start or word["met"] is None else "met" if start in met else "inside"
        cuts = [0, *sorted(cut - start for cut in missed if start < cut < end), len(piece)]
        marked.append((kind, [piece[a:b] for a, b in pairwise(cuts)]))
        start = end
    return marked
