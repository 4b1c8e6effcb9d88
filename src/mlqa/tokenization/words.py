"""What a tokenizer does to single words, morpheme by morpheme: the table of the original article, with glosses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from mlqa.data.scripts import lower
from mlqa.errors import DataError
from mlqa.tokenization.encoding import encode_words
from mlqa.tokenization.morphemes import find_morpheme_boundaries
from mlqa.tokenization.morphology import get_glossed_morphemes

Glossed = list[tuple[str, str]]  # (morpheme as it stands in the word, its meaning)
LISTS = Path(__file__).with_name("word_lists")


def load_word_list(language: str) -> dict[str, Glossed]:
    """{word: its glossed morphemes} of a language (ISO 639-1), from word_lists/<language>.yaml; empty without a file.

    Raises DataError where the morphemes do not join to the word.
    """
    path = LISTS / f"{language.split('-')[0].lower()}.yaml"
    if not path.is_file():
        return {}
    content: Any = OmegaConf.to_container(OmegaConf.load(path))
    words = {
        word: [(surface, gloss) for part in parts for surface, gloss in part.items()] for word, parts in content.items()
    }
    for word, morphemes in words.items():
        if any(not isinstance(text, str) for pair in morphemes for text in pair) or word != "".join(
            surface for surface, _ in morphemes
        ):
            raise DataError(f"{path}: {word}: its morphemes must be texts that join to the word")
    return words


def analyse_words(tokenizer: Any, words: Sequence[str] | None, language: str) -> list[dict[str, Any]]:
    """One plain, JSON-able row a word; `words` None: those of the language's list.

    word       as given
    tokens     as the vocabulary writes them (##leri, ▁Ke); input_ids: their ids; special tokens are left out
    pieces     the word cut where tokens begin: they join to the word
    morphemes  [{surface, gloss}], from the language's list whatever the case, else from zeyrek (Turkish); [] if unknown
    met        places in the word, in characters, where a token and a morpheme begin; missed: only a morpheme;
               inside: only a token, which cuts a morpheme in two; null for all three where no morphemes are known

    Raises ModelError for a slow tokenizer.
    """
    known = load_word_list(language)
    chosen = list(known) if words is None else list(words)
    by_letters = {lower(word, language): morphemes for word, morphemes in known.items()}
    encoded = encode_words(tokenizer, chosen)
    rows = []
    for word, ids, cuts in zip(encoded.words, encoded.ids, encoded.cuts, strict=True):
        listed = by_letters.get(lower(word, language))
        morphemes = get_glossed_morphemes(word, language) if listed is None else _restore_case(word, listed)
        surfaces = [surface for surface, _ in morphemes]
        ends = find_morpheme_boundaries(surfaces) if morphemes else frozenset()
        rows.append(
            {
                "word": word,
                "tokens": tokenizer.convert_ids_to_tokens(ids),
                "input_ids": ids,
                "pieces": [word[a:b] for a, b in zip((0, *cuts), (*cuts, len(word)), strict=True)],
                "morphemes": [{"surface": surface, "gloss": gloss} for surface, gloss in morphemes],
                "met": sorted(ends & set(cuts)) if morphemes else None,
                "missed": sorted(ends - set(cuts)) if morphemes else None,
                "inside": sorted(set(cuts) - ends) if morphemes else None,
            }
        )
    return rows


def _restore_case(word: str, morphemes: Glossed) -> Glossed:
    """The list's morphemes in the letters of the word as given, which differs in case alone."""
    written, place = [], 0
    for surface, gloss in morphemes:
        written.append((word[place : place + len(surface)], gloss))
        place += len(surface)
    return written
