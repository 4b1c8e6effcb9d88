"""How the figures and words of tokenizers are named and written wherever they are shown: terminal, CSV, HTML, W&B.

Takes and gives plain values: figures {name: number} and rows as tokenization.json has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class FigureColumn(NamedTuple):
    """A figure: its label, how a number is written, and what it says in one line."""

    label: str
    shown: str
    meaning: str


FIGURES: dict[str, FigureColumn] = {
    "vocab_size": FigureColumn("vocabulary", "{:,.0f}", "entries of the vocabulary"),
    "fertility": FigureColumn("fertility", "{:.2f}", "tokens a word"),
    "continued_words": FigureColumn("continued words", "{:.1%}", "words split into two tokens or more"),
    "single_token_retention": FigureColumn("words kept whole", "{:.1%}", "word types that are one token"),
    "unk_rate": FigureColumn("unknown tokens", "{:.2%}", "tokens that stand for what the vocabulary cannot write"),
    "characters_per_token": FigureColumn("characters a token", "{:.2f}", "letters and signs a token"),
    "renyi_efficiency": FigureColumn("Rényi efficiency", "{:.3f}", "how evenly the tokens are used, order 2.5"),
    "parity": FigureColumn("parity", "{:.2f}", "tokens for the same text in the other language's one"),
    "embedding_share": FigureColumn("embedding share", "{:.1%}", "parameters of the model that are word embeddings"),
    "morpheme_precision": FigureColumn("morpheme precision", "{:.3f}", "token boundaries that are morpheme boundaries"),
    "morpheme_recall": FigureColumn("morpheme recall", "{:.3f}", "morpheme boundaries that are token boundaries"),
    "morpheme_f1": FigureColumn("morpheme F1", "{:.3f}", "their harmonic mean"),
    "morph_score": FigureColumn("MorphScore", "{:.3f}", "split words whose suffixes begin where a token does"),
    "case_collisions": FigureColumn("lost case", "{:.1%}", "word types made one with another that differs in case"),
    "letter_collisions": FigureColumn("lost letters", "{:.1%}", "word types made one with another of other letters"),
    "case_splits": FigureColumn("parted by case", "{:.1%}", "word types kept apart from the same word in another case"),
    "windows_per_question": FigureColumn("windows a question", "{:.2f}", "stretches of context that a question needs"),
    "padding_share": FigureColumn("padding", "{:.1%}", "positions of max_seq_length that hold nothing"),
    "boundary_recall": FigureColumn("answers on tokens", "{:.2%}", "gold answers that begin and end where tokens do"),
    "oracle_exact_match": FigureColumn("oracle EM", "{:.2f}", "the best exact match that the tokenizer permits"),
    "oracle_f1": FigureColumn("oracle F1", "{:.2f}", "the best F1 that the tokenizer permits"),
}
WORDS = ("model", "word", "tokens", "count", "input_ids", "morphemes", "met", "missed", "inside")


def format_figure(figures: Mapping[str, float], name: str) -> str:
    """A figure as it is written; "" where it is not known."""
    value = figures.get(name)
    return "" if value is None else FIGURES[name].shown.format(value)


def build_word_cells(model: str, row: Mapping[str, Any]) -> list[str | int | None]:
    """The cells of one word under `WORDS`; met, missed and inside as numbers of boundaries."""
    places = [None if row[name] is None else len(row[name]) for name in ("met", "missed", "inside")]
    return [
        model,
        row["word"],
        " ".join(row["tokens"]),
        len(row["tokens"]),
        " ".join(map(str, row["input_ids"])),
        " + ".join(f"{part['surface']} ({part['gloss']})" for part in row["morphemes"]),
        *places,
    ]
