"""MorphScore version 2, by its own convention (Arnett, Hudspeth & O'Connor 2025, arXiv 2507.06378).

A word is cut into the part before its stem, the stem and the part after it, so it has at most two boundaries however
many suffixes it has. The stem is the lemma, and words that do not contain their lemma are left out. A word that is one
token has full marks, and the tokens' last end counts as a place too, so that precision is at most
boundaries / tokens. Words are weighted by how often they occur. In the authors' class these are the settings
exclude_single_tok=False and freq_scale=True, and its defaults are their opposites.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlqa.tokenization.encoding import EncodedWords
from mlqa.tokenization.morphemes import divide

PARTIAL = 0.5  # recall of a word with one of two boundaries met


class StemmedWord(NamedTuple):
    """A word with its stem's offsets in characters, and its weight."""

    word: str
    start: int
    end: int
    weight: float = 1.0


def find_stem(word: str, lemma: str, weight: float = 1.0) -> StemmedWord | None:
    """Return a word with its stem, None if it has a digit or does not contain its lemma."""
    start = word.find(lemma) if lemma else -1
    return None if start < 0 or re.search(r"\d", word) else StemmedWord(word, start, start + len(lemma), weight)


def count_stem_boundaries(
    encoded: EncodedWords, stemmed: Sequence[StemmedWord], unknown: int | None
) -> dict[str, np.ndarray]:
    """Count what MorphScore version 2 sums up.

    Args:
        encoded: The words of `stemmed` and their tokens.
        stemmed: Words with their stems.
        unknown: Id of the unknown token, which keeps no word whole, or None. The official script drops unknown tokens
            and so moves the places after them.

    Returns:
        {name: float [words]}: each word's `recall` and `precision` times its weight, and its `weight`, which is 0 for a
        word that does not count: one that is its stem and several tokens.
    """
    rows = []
    for one, ids, cuts in zip(stemmed, encoded.ids, encoded.cuts, strict=True):
        boundaries = [place for place in (one.start, one.end) if 0 < place < len(one.word)]
        met = sum(place in cuts for place in boundaries)
        is_whole = len(ids) == 1 and ids[0] != unknown
        if is_whole:
            recall = precision = 1.0
        else:
            recall = PARTIAL if met == 1 and len(boundaries) == 2 else float(met > 0)
            precision = met / max(len(ids), 1)
        weight = one.weight if is_whole or boundaries else 0.0
        rows.append((recall * weight, precision * weight, weight))
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return {"recall": table[:, 0], "precision": table[:, 1], "weight": table[:, 2]}


def summarize_stem_boundaries(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Compute `morphscore_recall` and `morphscore_precision` from sums, which may be arrays of draws."""
    return {
        "morphscore_recall": divide(sums["recall"], sums["weight"], 0.0),
        "morphscore_precision": divide(sums["precision"], sums["weight"], 0.0),
    }
