"""Pairs of nearly equal texts among many: an exact similarity join with prefix filtering.

Texts are compared as sets of shingles (n-grams, Broder 1997, "On the resemblance and containment of documents") by
their Jaccard similarity |A & B| / |A | B|. Put the shingles of every set in one order. Two near sets then share one of
the first of each (Chaudhuri et al. 2006, "A primitive operator for similarity joins in data cleaning"). The order puts
rare shingles first, so few other pairs do. In formulaic texts many do, because no shingle is rare. Of these only pairs
are compared whose sizes fit and whose first shingles have enough in common that the rest can make them near (Xiao et
al. 2011, "Efficient similarity joins for near-duplicate detection", with the bounds of `_Join`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from mlqa.data.scripts import ANY_UNSPACED

AT_ONCE = 1_000_000  # pairs or shingles that are looked at in one go, which bounds the memory
MARGIN = 1e-9  # without it, rounding may raise a share of a size above a whole number


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
    texts = _rank_shingles([*left, *right])
    found = [
        part
        for left_is_longer in (True, False)
        for part in _Join(texts, len(left), threshold, left_is_longer).find_pairs()
    ]
    ours, theirs, similarity = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((theirs, ours))
    return list(zip(ours[order].tolist(), theirs[order].tolist(), similarity[order].tolist(), strict=True))


@dataclass(frozen=True)
class _Texts:
    """Texts as sets of shingles, each shingle by its rank, the rarest first.

    Attributes:
        ranks: Of the shingles of all texts, rising within a text [shingles].
        begin: Where each text begins in `ranks`, and the end of the last one [texts + 1].
        sizes: Number of shingles of each text [texts].
    """

    ranks: np.ndarray
    begin: np.ndarray
    sizes: np.ndarray


def _rank_shingles(texts: Sequence[np.ndarray]) -> _Texts:
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    _, number, count = np.unique(np.concatenate(texts), return_inverse=True, return_counts=True)
    rank = np.empty_like(count)
    rank[np.argsort(count, kind="stable")] = np.arange(len(count))
    ordered = np.repeat(np.arange(len(texts)) * len(count), sizes) + rank[number]
    ordered.sort()
    return _Texts(ordered % len(count), np.concatenate([[0], np.cumsum(sizes)]), sizes)


class _Join:
    """All near pairs of which the left text is at least as long as the right one, or all of which it is shorter.

    Two sets share at least t |A| shingles of the longer one, A, and 2 t / (1 + t) |B| of the shorter one, B. So they
    share one of the first |A| - ceil(t |A|) + 1 of A and |B| - ceil(2 t / (1 + t) |B|) + 1 of B, their openings.
    """

    def __init__(self, texts: _Texts, count: int, threshold: float, left_is_longer: bool) -> None:
        self.texts, self.count, self.threshold = texts, count, threshold
        shares = threshold, 2 * threshold / (1 + threshold)
        left_share, right_share = shares if left_is_longer else shares[::-1]
        sizes = texts.sizes
        needed = np.ceil(np.where(np.arange(len(sizes)) < count, left_share, right_share) * sizes - MARGIN)
        self.opening = sizes - needed.astype(np.int64) + 1
        self.last = texts.ranks[texts.begin[:-1] + self.opening - 1]
        own = sizes[:count]
        # The sizes of right texts that fit a left one: |A & B| / |A | B| is at most the smaller over the larger.
        self.least = np.ceil(threshold * own - MARGIN).astype(np.int64) if left_is_longer else own + 1
        self.most = own if left_is_longer else np.floor(own / threshold + MARGIN).astype(np.int64)

    def find_pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield (left texts, right texts, similarities), of one part of the left texts after the other."""
        places, owner = self._list_openings(0, self.count)
        others, first, behind = self._look_up(places, owner)
        hits = behind - first
        ends = np.cumsum(self.opening[: self.count])  # of the left texts among the places
        for texts in _slice_by_weight(np.add.reduceat(hits, ends - self.opening[: self.count])):
            part = slice(ends[texts.start] - self.opening[texts.start], ends[texts.stop - 1])
            right = others[_expand(first[part], hits[part])]
            pairs = np.repeat(owner[part], hits[part]) * len(self.texts.sizes) + right
            yield self._compare(*np.unique(pairs, return_counts=True))

    def _list_openings(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the places in `ranks` of the openings of texts, and the text of each."""
        lengths = self.opening[begin:end]
        return _expand(self.texts.begin[begin:end], lengths), np.repeat(np.arange(begin, end), lengths)

    def _look_up(self, places: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Look up right texts of a fitting size by each shingle of the left openings.

        Returns:
            Right texts, and for each place the index of the first of them that has its shingle, and of the one behind
            the last.
        """
        sizes = self.texts.sizes
        step = int(max(sizes.max(), self.most.max())) + 2
        right, others = self._list_openings(self.count, len(sizes))
        keys = self.texts.ranks[right] * step + sizes[others]
        order = np.argsort(keys)
        keys, others = keys[order], others[order]
        base = self.texts.ranks[places] * step
        first = np.searchsorted(keys, base + self.least[owner])
        return others, first, np.maximum(first, np.searchsorted(keys, base + self.most[owner], side="right"))

    def _compare(self, pairs: np.ndarray, shared: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the near ones of some pairs, by the number of shingles that their openings share."""
        sizes = self.texts.sizes
        ours, theirs = np.divmod(pairs, len(sizes))
        # Beyond their openings, two texts share no more than what is left of the one whose opening ends first.
        first = np.where(self.last[ours] < self.last[theirs], ours, theirs)
        needed = self.threshold / (1 + self.threshold) * (sizes[ours] + sizes[theirs])
        is_candidate = shared + sizes[first] - self.opening[first] >= needed - MARGIN
        ours, theirs = ours[is_candidate], theirs[is_candidate]
        parts = _slice_by_weight(sizes[ours] + sizes[theirs])
        shared = np.concatenate([np.empty(0, np.int64), *(self._count_shared(ours[i], theirs[i]) for i in parts)])
        similarity = shared / (sizes[ours] + sizes[theirs] - shared)
        is_near = similarity >= self.threshold
        return ours[is_near], theirs[is_near] - self.count, similarity[is_near]

    def _count_shared(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """Count the shingles that two texts share, for each pair: those that occur twice in the shingles of both."""
        texts, step = self.texts, int(self.texts.ranks.max()) + 1
        keys = np.concatenate(
            [
                np.repeat(np.arange(len(side)) * step, texts.sizes[side])
                + texts.ranks[_expand(texts.begin[side], texts.sizes[side])]
                for side in (ours, theirs)
            ]
        )
        keys.sort()
        return np.bincount(keys[:-1][keys[1:] == keys[:-1]] // step, minlength=len(ours))


def _expand(begin: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the numbers begin[0], begin[0] + 1 ... of each range, one range after the other."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(begin - before, lengths) + np.arange(int(lengths.sum()))


def _slice_by_weight(weights: np.ndarray) -> Iterator[slice]:
    """Cut a sequence into slices of at most `AT_ONCE` in sum, or of one entry."""
    ends, begin = np.cumsum(weights), 0
    while begin < len(weights):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + AT_ONCE, side="right")))
        yield slice(begin, end)
        begin = end


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
