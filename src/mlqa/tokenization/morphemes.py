"""Where tokens meet morphemes: boundary precision, recall and F1, and MorphScore, against gold segmentations.

A word is an entry of the segmentations, tokenized alone as it stands after another word. A boundary is a place inside
the word. Where a word has several segmentations, the one that suits the tokenizer best counts: an ambiguous word is
no error of the tokenizer's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from mlqa.errors import DataError
from mlqa.tokenization.encoding import EncodedWords

Segmentation = tuple[str, ...]  # the word's morphemes as they stand in it
Segmentations = dict[str, list[Segmentation]]


def read_segmentations(path: str | Path) -> Segmentations:
    """Gold segmentations of a TSV (UTF-8): the word, a tab, its morphemes between spaces, alternatives between bars.

    Raises DataError, naming the line, where there is no tab or the morphemes do not join to the word.
    """
    found: Segmentations = {}
    try:
        lines = Path(path).expanduser().read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        word, tab, rest = line.partition("\t")
        alternatives = [tuple(part.split()) for part in rest.split("\t")[0].split("|")]
        if not tab or any("".join(alternative) != word for alternative in alternatives):
            raise DataError(f"{path}, line {number}: expected word<tab>mor phemes|mor pheme s, which join to the word")
        found[word] = alternatives
    if not found:
        raise DataError(f"{path}: holds no segmentation")
    return found


def find_morpheme_boundaries(segmentation: Sequence[str]) -> frozenset[int]:
    """Places inside the word at which a morpheme ends and the next begins, in characters."""
    return frozenset(accumulate(map(len, segmentation[:-1])))


def score_boundaries(encoded: EncodedWords, golds: Mapping[str, Sequence[Segmentation]]) -> dict[str, float]:
    """How the tokens' boundaries meet the morphemes', over all words of `encoded`, each counted once.

    morpheme_precision  share (0-1) of the boundaries between tokens that are boundaries between morphemes; 1 where no
                        word is split
    morpheme_recall     share of the boundaries between morphemes that are boundaries between tokens; 1 where
                        there is none
    morpheme_f1         their harmonic mean (boundary scores of morphological segmentation: Virpioja et al. 2011,
                        "Empirical comparison of evaluation methods"; micro-averaged, one boundary one vote)
    morph_score         share of the words at whose first boundary, where the suffixes (or after a prefix the root)
                        begin, a token begins; of words with two morphemes or more that are split into two tokens or
                        more, as kept ones are left out (MorphScore, Arnett & Bergen 2024, arXiv 2411.14198, scores one
                        boundary a word); 0 where there is no such word
    morpheme_words      words scored

    Raises DataError for no words.
    """
    if not encoded.words:
        raise DataError("no segmented words: there is nothing to score a tokenizer's boundaries on")
    met = made = there = split = stems = 0
    for word, ids, cuts in zip(encoded.words, encoded.ids, encoded.cuts, strict=True):
        tokens = frozenset(cuts)
        best = max(
            (find_morpheme_boundaries(gold) for gold in golds[word]), key=lambda gold: _compute_agreement(tokens, gold)
        )
        met, made, there = met + len(tokens & best), made + len(tokens), there + len(best)
        if len(ids) > 1 and best:
            split += 1
            stems += any(gold and min(gold) in tokens for gold in map(find_morpheme_boundaries, golds[word]))
    precision = met / made if made else 1.0
    recall = met / there if there else 1.0
    return {
        "morpheme_precision": precision,
        "morpheme_recall": recall,
        "morpheme_f1": 2 * precision * recall / (precision + recall) if met else 0.0,
        "morph_score": stems / split if split else 0.0,
        "morpheme_words": len(encoded.words),
    }


def _compute_agreement(tokens: frozenset[int], gold: frozenset[int]) -> tuple[float, int]:
    """F1 of one word's boundaries, and the fewest errors among equals."""
    together = len(tokens) + len(gold)
    return (2 * len(tokens & gold) / together if together else 1.0), -len(tokens ^ gold)
