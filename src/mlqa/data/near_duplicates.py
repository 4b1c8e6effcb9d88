"""Pairs of nearly equal texts among many: an exact similarity join with prefix filtering.

Texts are compared as sets of shingles (n-grams, Broder 1997, "On the resemblance and containment of documents") by
their Jaccard similarity |A & B| / |A | B|. Put the shingles of every set in one order. Two sets of similarity t or more
then share one of the first |A| - ceil(t |A|) + 1 shingles of A and one of the first |B| - ceil(t |B|) + 1 of B
(Chaudhuri et al. 2006, "A primitive operator for similarity joins in data cleaning"). The order puts rare shingles
first, so few other pairs do, and only those that do are compared.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from enum import Enum

import numpy as np

from mlqa.data.scripts import ANY_UNSPACED


class Unit(Enum):
    """The unit of a shingle."""

    character = "character"
    word = "word"


def build_shingles(text: str, unit: Unit, size: int) -> np.ndarray:
    """Return the n-grams of a text over its letters and digits, as distinct 64-bit hashes.

    Marks (Unicode category M) are removed, and any other run of characters becomes one space. In scripts without spaces
    each character is a word. A text without a letter or digit is taken as it is. A text with fewer than `size` units is
    its own only shingle. The hashes are Python's own, and differ between processes.

    Args:
        text: The text.
        unit: Whether n-grams are of characters or words.
        size: The n of the n-grams.
    """
    cleaned = " ".join(text.translate(_KEPT[unit]).split()) or " ".join(text.split())
    units = cleaned if unit is Unit.character else cleaned.split()
    shingles = zip(*(units[start:] for start in range(size)), strict=False) if len(units) > size else [tuple(units)]
    return np.array(list(set(map(hash, shingles))), dtype=np.int64)


def find_near_pairs(
    left: Sequence[np.ndarray], right: Sequence[np.ndarray], threshold: float
) -> list[tuple[int, int, float]]:
    """Find all pairs with a Jaccard similarity of at least `threshold`.

    Args:
        left: Shingles of the first texts.
        right: Shingles of the second texts.
        threshold: The least similarity, 0-1, and above 0.

    Returns:
        (index into `left`, index into `right`, similarity) of each pair, in ascending order.
    """
    if not left or not right:
        return []
    _, number, count = np.unique(np.concatenate([*left, *right]), return_inverse=True, return_counts=True)
    rank = np.empty_like(count)
    rank[np.argsort(count, kind="stable")] = np.arange(len(count))
    ends = np.cumsum([len(shingles) for shingles in (*left, *right)])
    texts = [np.sort(shingles) for shingles in np.split(rank[number], ends[:-1])]
    # Without a margin, rounding may raise t |A| above a whole number.
    openings = [text[: len(text) - math.ceil(threshold * len(text) - 1e-9) + 1].tolist() for text in texts]

    texts_with: dict[int, list[int]] = {shingle: [] for opening in openings[: len(left)] for shingle in opening}
    for other in range(len(left), len(texts)):
        for shingle in openings[other]:
            if shingle in texts_with:
                texts_with[shingle].append(other)
    pairs = []
    lengths = [len(text) for text in texts]
    for index in range(len(left)):
        others = {other for shingle in openings[index] for other in texts_with[shingle]}
        ours, size = set(texts[index].tolist()), lengths[index]
        for other in sorted(others):
            # |A & B| / |A | B| is at most the smaller size over the larger.
            if min(size, lengths[other]) < threshold * max(size, lengths[other]) - 1e-9:
                continue
            shared = len(ours.intersection(texts[other].tolist()))
            similarity = shared / (size + lengths[other] - shared)
            if similarity >= threshold:
                pairs.append((index, other - len(left), similarity))
    return pairs


class _TranslationTable(dict[int, str]):
    """The replacement of each character for `str.translate`. Unicode's database is asked once per character."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self.unit = unit

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        kept = letter if letter.isalnum() else "" if unicodedata.category(letter)[0] == "M" else " "
        self[code] = f" {kept} " if self.unit is Unit.word and kept.strip() and ANY_UNSPACED.match(letter) else kept
        return self[code]


_KEPT = {unit: _TranslationTable(unit) for unit in Unit}
