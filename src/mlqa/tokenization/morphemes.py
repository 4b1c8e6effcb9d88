"""How token boundaries match morpheme boundaries, against gold segmentations.

A word is an entry of the segmentations, tokenized alone in the form that it has after another word. A boundary is a
place inside the word. If a word has several segmentations, the one that fits the tokenizer best counts, because an
ambiguous word is not the tokenizer's fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from mlqa.data.readers import explain_read_errors
from mlqa.errors import DataError
from mlqa.tokenization.encoding import EncodedWords

Segmentation = tuple[str, ...]  # the word's morphemes as they appear in it
Segmentations = dict[str, list[Segmentation]]


def read_segmentations(path: str | Path) -> Segmentations:
    """Read gold segmentations from a TSV file (UTF-8).

    Args:
        path: A file with one word per line: the word, a tab, and its morphemes separated by spaces. Bars separate
            alternatives.

    Raises:
        DataError: If the file cannot be read or is empty, or a line has no tab or morphemes that do not join to the
            word.
    """
    segmentations: Segmentations = {}
    with explain_read_errors(Path(path).expanduser()):
        lines = Path(path).expanduser().read_text("utf-8-sig").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        word, tab, rest = line.partition("\t")
        alternatives = [tuple(part.split()) for part in rest.split("\t")[0].split("|")]
        if not tab or any("".join(alternative) != word for alternative in alternatives):
            raise DataError(f"{path}, line {number}: write word<tab>mor phemes|mor pheme s, which join to the word")
        segmentations[word] = alternatives
    if not segmentations:
        raise DataError(f"{path}: no segmentation in this file; give one word per line")
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
        The scores by name:

        - morpheme_precision: Share (0-1) of the token boundaries that are morpheme boundaries, 1 if no word is split.
        - morpheme_recall: Share (0-1) of the morpheme boundaries that are token boundaries, 1 if there are none.
        - morpheme_f1: Their harmonic mean. Boundary scores of morphological segmentation (Virpioja et al. 2011,
          "Empirical comparison of evaluation methods"), micro-averaged: every boundary has one vote.
        - morph_score: Share (0-1) of the words in which a token begins at the first morpheme boundary, the one before
          the suffixes or after a prefix. Only words of several morphemes and several tokens count (MorphScore, Arnett &
          Bergen 2024, arXiv 2411.14198, which scores one boundary per word). 0 if there is no such word.
        - morpheme_words: Number of words.

    Raises:
        DataError: If there are no words.
    """
    if not encoded.words:
        raise DataError("no segmented words, so a tokenizer's boundaries cannot be scored; give at least one")
    matched = token_boundaries = morpheme_boundaries = split = stems = 0
    for word, ids, cuts in zip(encoded.words, encoded.ids, encoded.cuts, strict=True):
        tokens = frozenset(cuts)
        best = max(
            (find_morpheme_boundaries(gold) for gold in golds[word]), key=lambda gold: _compute_agreement(tokens, gold)
        )
        matched += len(tokens & best)
        token_boundaries += len(tokens)
        morpheme_boundaries += len(best)
        if len(ids) > 1 and best:
            split += 1
            stems += any(gold and min(gold) in tokens for gold in map(find_morpheme_boundaries, golds[word]))
    precision = matched / token_boundaries if token_boundaries else 1.0
    recall = matched / morpheme_boundaries if morpheme_boundaries else 1.0
    return {
        "morpheme_precision": precision,
        "morpheme_recall": recall,
        "morpheme_f1": 2 * precision * recall / (precision + recall) if matched else 0.0,
        "morph_score": stems / split if split else 0.0,
        "morpheme_words": len(encoded.words),
    }


def _compute_agreement(tokens: frozenset[int], gold: frozenset[int]) -> tuple[float, int]:
    """Return the F1 of one word's boundaries, then minus its errors to break ties."""
    together = len(tokens) + len(gold)
    return (2 * len(tokens & gold) / together if together else 1.0), -len(tokens ^ gold)
