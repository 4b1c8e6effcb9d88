"""What a tokenizer does to single words, morpheme by morpheme: the table of the original article, with meanings."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from mlqa.data.scripts import APOSTROPHES
from mlqa.errors import summarize_error
from mlqa.tokenization.encoding import encode_words
from mlqa.tokenization.morphemes import compute_agreement
from mlqa.tokenization.pieces import write_tokens
from mlqa.tokenization.readings import Found, Lexicon, Reading

log = logging.getLogger(__name__)


def analyze_words(tokenizer: Any, words: Sequence[str] | None, lexicon: Lexicon) -> list[dict[str, Any]]:
    """Compare the tokens of single words with their morphemes.

    Args:
        tokenizer: A fast tokenizer.
        words: The words, or None for those in the language's file.
        lexicon: Of the language.

    Returns:
        One row per word that can be written as JSON:

        - word: The word as given.
        - tokens: Its tokens as the vocabulary writes them (##leri, ▁Ke), without special tokens. `write_tokens` makes
          the bytes of byte-level BPE readable.
        - input_ids: The tokens' ids.
        - pieces: The word, split at the characters that begin a token. The pieces join to the word.
        - readings: [{morphemes, met, missed, inside}], the likeliest first. `morphemes` is [{surface, gloss}] in the
          word's own letters. `met` has the offsets in characters at which both a token and a morpheme begin, `missed`
          those at which only a morpheme begins, and `inside` those at which only a token begins, so that it cuts a
          morpheme in two. At punctuation around the word a token may begin or not.
        - best: Index of the reading that the tokens fit best, 0 if there is none.
        - morphemes, met, missed, inside: Those of the best reading. Without readings `morphemes` is empty and the
          others are None.
        - why: Why there is no reading, else "".

    Raises:
        ModelError: If the tokenizer is slow.
        DataError: If the language's file is invalid.
    """
    chosen = list(lexicon.language.words) if words is None else list(words)
    encoded = encode_words(tokenizer, chosen)
    rows = []
    for word, ids, cuts in zip(encoded.words, encoded.ids, encoded.cuts, strict=True):
        found = _find_readings(lexicon, word)
        compared = [_compare(word, reading, cuts) for reading in found.readings]
        fits = [compute_agreement(*_get_boundaries(word, reading, cuts)) for reading in found.readings]
        best = max(range(len(fits)), key=fits.__getitem__, default=0)
        rows.append(
            {
                "word": word,
                "tokens": write_tokens(tokenizer, ids),
                "input_ids": ids,
                "pieces": [word[a:b] for a, b in zip((0, *cuts), (*cuts, len(word)), strict=True)],
                **(compared[best] if compared else {"morphemes": [], "met": None, "missed": None, "inside": None}),
                "readings": compared,
                "best": best,
                "why": found.why,
            }
        )
    return rows


def _find_readings(lexicon: Lexicon, word: str) -> Found:
    try:
        return lexicon.find(word)
    except Exception as error:  # a run must not end because of an error in the analyzer
        log.warning("morphemes are left out: %s: %s", word, summarize_error(error))
        return Found([], f"the analyzer failed: {summarize_error(error)}")


def _get_boundaries(word: str, reading: Reading, cuts: Sequence[int]) -> tuple[frozenset[int], frozenset[int]]:
    """Return where tokens begin inside the word's letters, and where morphemes do.

    A cut between the apostrophe of a suffix and its first letter is none: nothing in İstanbul'|da is cut in two.
    """
    start, *ends, end = reading.find_places()
    free = {place + 1 for place in ends if word[place] in APOSTROPHES}
    return frozenset(cut for cut in cuts if start < cut < end and cut not in free), frozenset(ends)


def _compare(word: str, reading: Reading, cuts: Sequence[int]) -> dict[str, Any]:
    tokens, morphemes = _get_boundaries(word, reading, cuts)
    return {
        "morphemes": [{"surface": surface, "gloss": meaning} for surface, meaning in reading.parts],
        "met": sorted(tokens & morphemes),
        "missed": sorted(morphemes - tokens),
        "inside": sorted(tokens - morphemes),
    }
