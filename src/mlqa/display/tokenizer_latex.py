"""The figures and words of tokenizers as LaTeX tables, to paste into a paper. They need the package booktabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlqa.display.latex import escape_latex
from mlqa.display.tokenizer_labels import (
    FIGURES,
    format_figure,
    format_fit,
    format_interval,
    format_morphemes,
    list_readings,
)
from mlqa.display.tokenizer_tables import Rows, group_by_word, select_figures


def render_figures_latex(rows: Rows) -> str:
    """Render the figures, one line per figure with its 95 % interval, and one column per tokenizer."""
    lines = []
    for name in select_figures(rows):
        cells = []
        for row in rows:
            interval = format_interval(row, name).replace(" to ", ", ")
            cells.append(f"{format_figure(row, name)} [{interval}]" if interval else format_figure(row, name))
        lines.append([FIGURES[name].label, *cells])
    return _render_table(["", *(row["model"] for row in rows)], lines)


def render_words_latex(rows: Rows) -> str:
    """Render the words, one line per word and tokenizer: tokens, and how they meet each reading."""
    lines = []
    for group in group_by_word(rows):
        first = group[0][1]
        readings = [format_morphemes(reading) for reading in list_readings(first)]
        lines.append([first["word"], "; ".join(readings), ""])
        for model, word in group:
            fits = [format_fit(reading) for reading in list_readings(word)]
            lines.append([f"  {model}", " ".join(word["tokens"]), "; ".join(fits)])
    return _render_table(["word", "tokens", "boundaries met"], lines)


def _render_table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [" & ".join(map(escape_latex, cells)) + r" \\" for cells in lines]
    start = rf"\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}" if "" in headings else r"\begin{tabular}{lll}"
    heading = " & ".join(map(escape_latex, headings)) + r" \\"
    return "\n".join([start, r"\toprule", heading, r"\midrule", *rows, r"\bottomrule", r"\end{tabular}"])
