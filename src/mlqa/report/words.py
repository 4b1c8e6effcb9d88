"""The table of words: how each tokenizer cuts them, beside their morphemes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.report.configurations import choice
from mlqa.report.members import Member
from mlqa.report.reading import finite


@dataclass(frozen=True)
class Split:
    """One word by one tokenizer. `pieces` join to the word; `marks[i]`: whether piece i begins where a morpheme does
    ("met"), inside one ("inside"), or where that is not known (""); the first piece has none."""

    model: str
    pieces: list[str]
    tokens: list[str]
    marks: list[str]
    missed: int | None


@dataclass(frozen=True)
class Word:
    word: str
    morphemes: list[tuple[str, str]]
    splits: list[Split]


def words_of(members: Sequence[Member]) -> list[Word]:
    """The words that runs recorded, each with its cuts by the tokenizer of every model, once a model."""
    found: dict[str, Word] = {}
    for model, rows in _tables(members).items():
        for row in rows:
            text, pieces = row.get("word"), _texts(row.get("pieces"))
            if not isinstance(text, str) or not pieces:
                continue
            word = found.setdefault(text, Word(text, _morphemes(row), []))
            missed = row.get("missed")
            count = len(missed) if isinstance(missed, list) else None
            word.splits.append(Split(model, pieces, _texts(row.get("tokens")), _marks(row, pieces), count))
    return list(found.values())


def _tables(members: Sequence[Member]) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for member in members:
        model = choice(member, "model")
        if model not in tables and (rows := member.words()):
            tables[model] = rows
    return tables


def _marks(row: dict[str, Any], pieces: Sequence[str]) -> list[str]:
    marks, place = [""], 0
    for piece in pieces[:-1]:
        place += len(piece)
        kinds = [kind for kind in ("met", "inside") if place in _places(row.get(kind))]
        marks.append(kinds[0] if kinds else "")
    return marks


def _places(value: Any) -> list[float]:
    return [place for item in value if (place := finite(item)) is not None] if isinstance(value, list) else []


def _morphemes(row: dict[str, Any]) -> list[tuple[str, str]]:
    listed = row.get("morphemes")
    if not isinstance(listed, list):
        return []
    parts = [part for part in listed if isinstance(part, dict)]
    return [(str(part.get("surface", "")), str(part.get("gloss", ""))) for part in parts]


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
