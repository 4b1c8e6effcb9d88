"""What a tokenizer does to single words, morpheme by morpheme: the table of the original article, with glosses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlqa.data.language import load_language
from mlqa.data.scripts import lower
from mlqa.tokenization.encoding import encode_words
from mlqa.tokenization.morphemes import find_morpheme_boundaries
from mlqa.tokenization.morphology import Glossed, get_glossed_morphemes


def analyze_words(tokenizer: Any, words: Sequence[str] | None, language: str) -> list[dict[str, Any]]:
    """Compare the tokens of single words with their morphemes.

    Args:
        tokenizer: A fast tokenizer.
        words: The words, or None for those in the language's file.
        language: A language tag, such as `tr`.

    Returns:
        One row per word that can be written as JSON:

        - word: The word as given.
        - tokens: Its tokens as the vocabulary writes them (##leri, ▁Ke), without special tokens.
        - input_ids: The tokens' ids.
        - pieces: The word, split at the characters that begin a token. The pieces join to the word.
        - morphemes: [{surface, gloss}] from the language's file, in any case, or else from its morphological analyzer.
          Empty if neither knows the word.
        - met: Offsets in characters at which both a token and a morpheme begin.
        - missed: Offsets at which only a morpheme begins.
        - inside: Offsets at which only a token begins, so that it cuts a morpheme in two. `met`, `missed` and `inside`
          are None if no morphemes are known.

    Raises:
        ModelError: If the tokenizer is slow.
        DataError: If the language's file is invalid.
    """
    known = load_language(language)
    listed = {word: [pair for part in parts for pair in part.items()] for word, parts in known.words.items()}
    chosen = list(listed) if words is None else list(words)
    by_letters = {lower(word, known.dotted_i): morphemes for word, morphemes in listed.items()}
    encoded = encode_words(tokenizer, chosen)
    rows = []
    for word, ids, cuts in zip(encoded.words, encoded.ids, encoded.cuts, strict=True):
        glossed = by_letters.get(lower(word, known.dotted_i))
        morphemes = get_glossed_morphemes(word, language) if glossed is None else _restore_case(word, glossed)
        ends = find_morpheme_boundaries([surface for surface, _ in morphemes])
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
    """Write the listed morphemes in the letters of the word, which may differ in case."""
    written, place = [], 0
    for surface, gloss in morphemes:
        written.append((word[place : place + len(surface)], gloss))
        place += len(surface)
    return written
