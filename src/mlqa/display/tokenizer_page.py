"""Tokenizers side by side as HTML: figures with bars, and the words with their pieces in colour above the morphemes.

Takes plain values: tokenization.json's content and "model". `page` is a document of its own, without scripts or
anything fetched; `figures_html`, `words_html` and `STYLE` are for a page of somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from mlqa.display.tokenizer_labels import FIGURES, format_figure
from mlqa.display.tokenizer_tables import Rows, group_by_word, select_figures

STYLE = """
.tokenizers { border-collapse: collapse; font: 14px/1.4 system-ui, sans-serif; margin-bottom: 2em; }
.tokenizers th, .tokenizers td { padding: .25em .7em; text-align: left; border-bottom: 1px solid #ddd; }
.tokenizers td.number { text-align: right; font-variant-numeric: tabular-nums; min-width: 7em; }
.tokenizers .bar { height: 4px; background: #4477aa; margin-top: 2px; }
.tokenizers .meaning, .tokenizers .gloss, .tokenizers .ids { color: #666; font-size: 12px; }
.tokenizers .word th { padding-top: 1.2em; font-size: 16px; border-bottom: none; }
.tokenizers .pieces { font-size: 16px; white-space: nowrap; }
.piece { padding: .1em .15em; border-radius: 3px; }
.piece.a { background: #cfe3f5; } .piece.b { background: #fbe3c2; }
.cut { font-weight: bold; padding: 0 1px; } .cut.met { color: #117733; } .cut.inside { color: #cc3311; }
.missed { border-left: 2px dotted #cc3311; }
"""
LEGEND = (
    '<p class="legend"><span class="cut met">|</span> a token begins where a morpheme does &nbsp; '
    '<span class="cut inside">|</span> a token begins inside a morpheme &nbsp; '
    '<span class="missed">&nbsp;</span> a morpheme begins inside a token</p>'
)


def render_tokenizer_page(rows: Rows, title: str) -> str:
    """A whole document (UTF-8) with both tables."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f"<style>body {{ margin: 2em; font-family: system-ui, sans-serif; }}{STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{render_figures(rows)}\n<h2>Words</h2>\n{LEGEND}\n{render_words(rows)}\n"
        "</body></html>\n"
    )


def render_figures(rows: Rows) -> str:
    """A line a figure, a column a tokenizer; the bars of a line are in proportion to each other."""
    head = "".join(f"<th>{escape(row['model'])}</th>" for row in rows)
    lines = []
    for name in select_figures(rows):
        most = max(float(row.get(name) or 0) for row in rows)
        cells = "".join(_render_number(row, name, most) for row in rows)
        column = FIGURES[name]
        lines.append(
            f'<tr><th>{escape(column.label)}</th>{cells}<td class="meaning">{escape(column.meaning)}</td></tr>'
        )
    return f'<table class="tokenizers"><tr><th></th>{head}<th></th></tr>\n' + "\n".join(lines) + "\n</table>"


def _render_number(row: Mapping[str, Any], name: str, most: float) -> str:
    value = row.get(name)
    if value is None:
        return '<td class="number"></td>'
    width = 100 * float(value) / most if most else 0
    return (
        f'<td class="number">{escape(format_figure(row, name))}<div class="bar" style="width:{width:.0f}%"></div></td>'
    )


def render_words(rows: Rows) -> str:
    """A block a word: its morphemes with their glosses, then a line a tokenizer with the pieces in two colours."""
    lines = []
    for group in group_by_word(rows):
        _, first = group[0]
        morphemes = " + ".join(
            f'{escape(part["surface"])} <span class="gloss">{escape(part["gloss"])}</span>'
            for part in first["morphemes"]
        )
        lines.append(f'<tr class="word"><th>{escape(first["word"])}</th><td colspan="3">{morphemes}</td></tr>')
        for model, word in group:
            ids = " ".join(map(str, word["input_ids"]))
            lines.append(
                f'<tr><td>{escape(model)}</td><td class="pieces">{render_pieces(word)}</td>'
                f'<td class="number">{len(word["tokens"])}</td><td class="ids">{escape(ids)}</td></tr>'
            )
    head = "<tr><th></th><th></th><th>tokens</th><th>ids</th></tr>"
    return f'<table class="tokenizers">{head}\n' + "\n".join(lines) + "\n</table>"


def render_pieces(word: Mapping[str, Any]) -> str:
    """One word of tokenization.json: its pieces in two colours, each cut marked as met or inside a morpheme, and each
    morpheme that begins inside a piece."""
    met, missed = (set(word[name] or ()) for name in ("met", "missed"))
    known = word["met"] is not None
    parts, place = [], 0
    for number, piece in enumerate(word["pieces"]):
        if number:
            kind = " met" if place in met else " inside" if known else ""
            parts.append(f'<span class="cut{kind}">|</span>')
        parts.append(f'<span class="piece {"ab"[number % 2]}">{_mark_missed(piece, place, missed)}</span>')
        place += len(piece)
    return "".join(parts)


def _mark_missed(piece: str, begin: int, missed: set[int]) -> str:
    places: Sequence[int] = [0, *sorted(cut - begin for cut in missed if begin < cut < begin + len(piece)), len(piece)]
    runs = [escape(piece[a:b]) for a, b in pairwise(places)]
    return '<span class="missed"></span>'.join(runs)
