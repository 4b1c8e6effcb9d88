"""How token boundaries match morpheme boundaries, against gold segmentations.

A word is an entry of the segmentations, tokenized alone in the form that it has after another word. A boundary is a
place inside the word. If a word has several segmentations, `READINGS` says which one counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from mlqa.errors import DataError
from mlqa.tokenization.encoding import EncodedWords
from mlqa.tokenization.word_files import read_word_file

Segmentation = tuple[str, ...]  # the word's morphemes as they appear in it
Segmentations = dict[str, list[Segmentation]]

# Which of several segmentations counts: the one that fits the tokenizer best, because an ambiguous word is not the
# tokenizer's fault, the mean of all, or the first, which is the likeliest.
READINGS = ("best", "mean", "likeliest")


def read_segmentations(path: str | Path) -> Segmentations:
    """Read gold segmentations from a file of words (see `mlqa.tokenization.word_files`).

    Raises:
        DataError: If the file cannot be read, a word's morphemes do not join to it, or no word has morphemes.
    """
    entries = read_word_file(path)
    segmentations = {entry.word: [way.surfaces for way in entry.readings] for entry in entries if entry.readings}
    if not segmentations:
        raise DataError(f"{path}: no word in this file has morphemes; give one word per line: word<tab>mor phemes")
    return segmentations


def find_morpheme_boundaries(segmentation: Sequence[str]) -> frozenset[int]:
    """Return the offsets inside a word, in characters, at which one morpheme ends and the next begins."""
    return frozenset(accumulate(map(len, segmentation[:-1])))


def score_boundaries(encoded: EncodedWords, golds: Mapping[str, Sequence[Segmentation]]) -> dict[str, float]:
    """Score token boundaries against morpheme boundaries, with each word counted once.

    Args:
        encoded: The words and their tokens.
        golds: {word: its possible segmentations} for all of these words.

    Returns:
        The figures of `summarize_boundaries` by the best segmentation, and `morpheme_words`, the number of words.

    Raises:
        DataError: If there are no words.
    """
    counts = count_boundaries(encoded, golds)
    sums = {name: column.sum() for name, column in counts.items()}
    figures = {name: float(value) for name, value in summarize_boundaries(sums).items()}
    return figures | {"morpheme_words": len(encoded.words)}


def count_boundaries(encoded: EncodedWords, golds: Mapping[str, Sequence[Segmentation]]) -> dict[str, np.ndarray]:
    """Count boundaries per word.

    Args:
        encoded: The words and their tokens.
        golds: {word: its possible segmentations, the likeliest first} for all of these words.

    Returns:
        {name: float [words]}: token boundaries (`tokens`), and for each of `READINGS` morpheme boundaries
        (`best_morphemes`) and how many of them are both (`best_matched`). `split` is 1 for a word of several tokens and
        morphemes, `stems` is 1 if one of its tokens also begins at the first morpheme boundary.

    Raises:
        DataError: If there are no words.
    """
    if not encoded.words:
        raise DataError("no segmented words, so a tokenizer's boundaries cannot be scored; give at least one")
    rows = []
    for word, ids, cuts in zip(encoded.words, encoded.ids, encoded.cuts, strict=True):
        tokens = frozenset(cuts)
        ways = [find_morpheme_boundaries(gold) for gold in golds[word]]
        best = max(ways, key=lambda way: compute_agreement(tokens, way))
        is_split = len(ids) > 1 and bool(best)
        stems = is_split and any(way and min(way) in tokens for way in ways)
        means = (np.mean([len(way) for way in ways]), np.mean([len(tokens & way) for way in ways]))
        rows.append(
            (len(tokens), len(best), len(tokens & best), *means, len(ways[0]), len(tokens & ways[0]), is_split, stems)
        )
    parts = [f"{reading}_{part}" for reading in READINGS for part in ("morphemes", "matched")]
    return dict(zip(["tokens", *parts, "split", "stems"], np.array(rows, dtype=np.float64).T, strict=True))


def summarize_boundaries(sums: Mapping[str, Any], reading: str = "best") -> dict[str, Any]:
    """Compute figures from sums of `count_boundaries`. A sum may be a number or an array of sums, such as draws.

    Args:
        sums: {name: sum over words}.
        reading: One of `READINGS`.

    Returns:
        The figures by name:

        - morpheme_precision: Share (0-1) of the token boundaries that are morpheme boundaries, 1 if no word is split.
        - morpheme_recall: Share (0-1) of the morpheme boundaries that are token boundaries, 1 if there are none.
        - morpheme_f1: Their harmonic mean. Boundary scores of morphological segmentation (Virpioja et al. 2011,
          "Empirical comparison of evaluation methods"), micro-averaged: every boundary has one vote.
        - morph_score: Share (0-1) of the words in which a token begins at the first morpheme boundary, the one before
          the suffixes or after a prefix. Only words of several morphemes and several tokens count. It is the formula of
          MorphScore version 1 (Arnett & Bergen 2024, arXiv 2411.14198), whose data have one boundary per word. 0 if
          there is no such word.
    """
    matched = sums[f"{reading}_matched"]
    precision = divide(matched, sums["tokens"], 1.0)
    recall = divide(matched, sums[f"{reading}_morphemes"], 1.0)
    return {
        "morpheme_precision": precision,
        "morpheme_recall": recall,
        "morpheme_f1": divide(2 * precision * recall, precision + recall, 0.0),
        "morph_score": divide(sums["stems"], sums["split"], 0.0),
    }


def divide(parts: Any, totals: Any, otherwise: float) -> Any:
    """Divide numbers or arrays, with another value wherever the total is 0."""
    totals = np.asarray(totals, dtype=np.float64)
    return np.where(totals == 0, otherwise, np.asarray(parts) / np.where(totals == 0, 1.0, totals))


def compute_agreement(tokens: frozenset[int], gold: frozenset[int]) -> tuple[float, int]:
    """Return the F1 of one word's boundaries, then minus its errors to break ties."""
    together = len(tokens) + len(gold)
    return (2 * len(tokens & gold) / together if together else 1.0), -len(tokens ^ gold)
