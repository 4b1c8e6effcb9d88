"""The labels and formats of tokenizer figures and words, shared by terminal, CSV, HTML and W&B.

Everything here takes plain values: figures as {name: number} and the word rows of tokenization.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class FigureColumn(NamedTuple):
    """How a figure is shown: its label, its number format and its meaning in one line."""

    label: str
    shown: str
    meaning: str


FIGURES: dict[str, FigureColumn] = {
    "vocab_size": FigureColumn("vocabulary", "{:,.0f}", "entries in the vocabulary"),
    "fertility": FigureColumn("fertility", "{:.2f}", "tokens per word"),
    "continued_words": FigureColumn("continued words", "{:.1%}", "words split into two or more tokens"),
    "single_token_retention": FigureColumn("words kept whole", "{:.1%}", "word types that are a single token"),
    "unk_rate": FigureColumn("unknown tokens", "{:.2%}", "tokens that stand for text outside the vocabulary"),
    "characters_per_token": FigureColumn("characters per token", "{:.2f}", "letters and signs per token"),
    "renyi_efficiency": FigureColumn("Rényi efficiency", "{:.3f}", "how evenly the tokens are used, order 2.5"),
    "parity": FigureColumn("parity", "{:.2f}", "tokens per token of the same text in the other language"),
    "embedding_share": FigureColumn("embedding share", "{:.1%}", "parameters of the model that are word embeddings"),
    "morpheme_precision": FigureColumn("morpheme precision", "{:.3f}", "token boundaries that are morpheme boundaries"),
    "morpheme_recall": FigureColumn("morpheme recall", "{:.3f}", "morpheme boundaries that are token boundaries"),
    "morpheme_f1": FigureColumn("morpheme F1", "{:.3f}", "harmonic mean of morpheme precision and recall"),
    "morph_score": FigureColumn("MorphScore", "{:.3f}", "split words whose suffixes begin at a token"),
    "case_collisions": FigureColumn("lost case", "{:.1%}", "word types merged with one that differs in case"),
    "letter_collisions": FigureColumn("lost letters", "{:.1%}", "word types merged with one that has other letters"),
    "case_splits": FigureColumn("split by case", "{:.1%}", "word types kept apart from the same word in another case"),
    "windows_per_question": FigureColumn("windows per question", "{:.2f}", "pieces of context that a question needs"),
    "padding_share": FigureColumn("padding", "{:.1%}", "positions of max_seq_length that are padding"),
    "boundary_recall": FigureColumn(
        "answers on tokens", "{:.2%}", "gold answers that begin and end at token boundaries"
    ),
    "oracle_exact_match": FigureColumn("oracle EM", "{:.2f}", "best exact match that the tokenizer permits"),
    "oracle_f1": FigureColumn("oracle F1", "{:.2f}", "best F1 that the tokenizer permits"),
}
WORDS = ("model", "word", "tokens", "count", "input_ids", "morphemes", "met", "missed", "inside")


def format_figure(figures: Mapping[str, float], name: str) -> str:
    """Format a figure of `FIGURES`, e.g. "40.0%". Return "" if its value is unknown."""
    value = figures.get(name)
    return "" if value is None else FIGURES[name].shown.format(value)


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
