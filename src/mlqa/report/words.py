"""The table of words: how each tokenizer splits them, next to their morphemes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.report.configurations import find_model
from mlqa.report.members import Member
from mlqa.report.reading import coerce_finite


@dataclass(frozen=True)
class WordSplit:
    """One word as one tokenizer splits it.

    Attributes:
        model: Option of the model.
        pieces: The parts of the word, one per token.
        tokens: The tokens as the vocabulary writes them.
        marks: For each piece, whether it begins at a morpheme ("met") or inside one ("inside"). "" if that is unknown,
            and for the first piece.
        missed: Number of morphemes that begin inside a piece, None if unknown.
    """

    model: str
    pieces: list[str]
    tokens: list[str]
    marks: list[str]
    missed: int | None


@dataclass(frozen=True)
class Word:
    """A word with its morphemes as (surface, gloss), and its split by each tokenizer."""

    word: str
    morphemes: list[tuple[str, str]]
    splits: list[WordSplit]


def collect_words(members: Sequence[Member]) -> list[Word]:
    """Collect the words that runs recorded in tokenization.json.

    Args:
        members: Of one or several sweeps.

    Returns:
        Each word once, with one split per model.
    """
    words: dict[str, Word] = {}
    for model, rows in _read_word_tables(members).items():
        for row in rows:
            text, pieces = row.get("word"), _parse_texts(row.get("pieces"))
            if not isinstance(text, str) or not pieces:
                continue
            word = words.setdefault(text, Word(text, _parse_morphemes(row), []))
            missed = row.get("missed")
            count = len(missed) if isinstance(missed, list) else None
            word.splits.append(
                WordSplit(model, pieces, _parse_texts(row.get("tokens")), _mark_pieces(row, pieces), count)
            )
    return list(words.values())


def _read_word_tables(members: Sequence[Member]) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for member in members:
        model = find_model(member)
        if model not in tables and (rows := member.read_word_table()):
            tables[model] = rows
    return tables


def _mark_pieces(row: dict[str, Any], pieces: Sequence[str]) -> list[str]:
    marks, place = [""], 0
    for piece in pieces[:-1]:
        place += len(piece)
        kinds = [kind for kind in ("met", "inside") if place in _parse_offsets(row.get(kind))]
        marks.append(kinds[0] if kinds else "")
    return marks


def _parse_offsets(value: Any) -> list[float]:
    return [place for item in value if (place := coerce_finite(item)) is not None] if isinstance(value, list) else []


def _parse_morphemes(row: dict[str, Any]) -> list[tuple[str, str]]:
    listed = row.get("morphemes")
    if not isinstance(listed, list):
        return []
    parts = [part for part in listed if isinstance(part, dict)]
    return [(str(part.get("surface", "")), str(part.get("gloss", ""))) for part in parts]


def _parse_texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
