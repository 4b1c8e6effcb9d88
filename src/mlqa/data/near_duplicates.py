"""Pairs of nearly equal texts among many, by MinHash with banding. Every pair found is verified.

Texts are compared as sets of shingles (n-grams, Broder 1997, "On the resemblance and containment of documents") by
their Jaccard similarity |A & B| / |A | B|. The minimum of a random hash is the same for two sets with exactly this
probability. `BANDS` times `ROWS` such minima are computed, and two texts become a candidate pair if all `ROWS` minima
of a band agree (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3). Candidates are then compared by
their whole sets, so no wrong pair is returned, and `compute_miss_probability` tells how often one is missed.

Time and memory are linear in the texts and the pairs found. All work is array arithmetic, one chunk of texts at a time.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from mlqa.data.scripts import ANY_UNSPACED

BANDS, ROWS = 32, 3
CHUNK_TEXTS = 1024
CHUNK_SHINGLES = 1 << 20
_SEED = 20_000  # seed of the hash functions, so that the same pairs are found every time
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class Unit(Enum):
    """The unit of a shingle."""

    character = "character"
    word = "word"


@dataclass(frozen=True)
class Shingles:
    """64-bit hashes of texts' shingles: text t has `hashes[first[t]:first[t + 1]]`, ascending, without repeats."""

    hashes: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.first) - 1


def compute_miss_probability(similarity: float) -> float:
    """Compute how likely a pair with this Jaccard similarity is to be missed: (1 - s^ROWS)^BANDS."""
    return float((1 - similarity**ROWS) ** BANDS)


def build_shingles(texts: Sequence[str], unit: Unit, size: int, groups: np.ndarray | None = None) -> Shingles:
    """Hash the n-grams of each text over its letters and digits.

    Marks (Unicode category M) are removed, and any other run of characters becomes one space. In scripts without spaces
    each character is a word. A text without a letter or digit is taken as it is. A text with fewer than `size` units is
    its own only shingle.

    Args:
        texts: The texts.
        unit: Whether n-grams are of characters or words.
        size: The n of the n-grams.
        groups: A group number per text [texts]. Shingles of texts in different groups differ, so pairs are found within
            a group only.
    """
    chunks = (texts[at : at + CHUNK_TEXTS] for at in range(0, len(texts), CHUNK_TEXTS))
    parts = [_hash_chunk(chunk, unit, size) for chunk in chunks]
    counts = np.concatenate([np.zeros(1, dtype=np.int64), *(np.diff(part.first) for part in parts)])
    hashes = np.concatenate([np.zeros(0, dtype=np.uint64), *(part.hashes for part in parts)])
    first = np.cumsum(counts)
    if groups is not None:
        hashes = _finalize_hashes(hashes ^ _finalize_hashes(np.repeat(groups.astype(np.uint64), counts[1:])))
        order = np.lexsort((hashes, np.repeat(np.arange(len(texts)), counts[1:])))
        hashes = hashes[order]
    return Shingles(hashes, first)


def find_near_pairs(left: Shingles, right: Shingles, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the pairs with a Jaccard similarity of at least `threshold`.

    A share `compute_miss_probability(s)` of the pairs with similarity s is missed.

    Args:
        left: Shingles of the first texts.
        right: Shingles of the second texts.
        threshold: The least similarity, 0-1.

    Returns:
        Indices into `left`, indices into `right`, and the similarities, sorted by left, then right.
    """
    if not len(left) or not len(right):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
    candidates = _find_candidates(_compute_band_keys(left), _compute_band_keys(right))
    of_left, of_right = candidates // len(right), candidates % len(right)
    similarity = _compute_jaccard(left, right, of_left, of_right)
    near = similarity >= threshold
    return of_left[near], of_right[near], similarity[near]


def _hash_chunk(texts: Sequence[str], unit: Unit, size: int) -> Shingles:
    plain = [_clean_text(text, unit) for text in texts]
    # A space ends each text, so a word's letters are those up to the next space.
    units = np.frombuffer("".join(f"{text} " for text in plain).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    units = units.astype(np.uint64)
    lengths = np.array([len(text) + 1 for text in plain], dtype=np.int64)
    if unit is Unit.character:
        units, lengths = np.delete(units, np.cumsum(lengths) - 1), lengths - 1
    else:
        units, lengths = _hash_words(units, lengths)
    return _hash_ngrams(units, lengths, size)


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


def _clean_text(text: str, unit: Unit) -> str:
    return " ".join(text.translate(_KEPT[unit]).split()) or " ".join(text.split())


def _hash_words(letters: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a hash of each word, and the number of words of each text."""
    ends = np.flatnonzero(letters == ord(" "))
    begins = np.concatenate([[0], ends[:-1] + 1])
    position = np.arange(len(letters)) - np.repeat(begins, ends - begins + 1)
    powers = np.multiply.accumulate(np.full(int(position.max()) + 1, _MULTIPLIER))
    hashes = _finalize_hashes(np.add.reduceat(letters * powers[position], begins))
    text_ends = np.cumsum(lengths)
    return hashes, np.diff(np.searchsorted(ends, text_ends), prepend=0)


def _hash_ngrams(units: np.ndarray, lengths: np.ndarray, size: int) -> Shingles:
    padded = np.maximum(lengths, size)
    begin = np.cumsum(padded) - padded
    flat = np.zeros(int(padded.sum()), dtype=np.uint64)
    flat[concatenate_ranges(begin, lengths)] = units
    counts = padded - size + 1
    start = concatenate_ranges(begin, counts)
    hashes = np.zeros(len(start), dtype=np.uint64)
    for offset in range(size):
        hashes = hashes * _MULTIPLIER + flat[start + offset]
    hashes = _finalize_hashes(hashes)
    owner = np.repeat(np.arange(len(lengths)), counts)
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    new = np.ones(len(hashes), dtype=bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])
    first = np.concatenate([[0], np.cumsum(np.bincount(owner[new], minlength=len(lengths)))])
    return Shingles(hashes[new], first)


def concatenate_ranges(begin: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return begin[0], begin[0] + 1, ... (count[0] numbers), begin[1], ..."""
    return np.asarray(np.arange(int(count.sum())) + np.repeat(begin - (np.cumsum(count) - count), count))


def _finalize_hashes(values: np.ndarray) -> np.ndarray:
    """Spread every bit over all others by the finaliser of SplitMix64 (Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))


def _compute_band_keys(texts: Shingles) -> np.ndarray:
    """Hash the minima of each band [texts, BANDS]."""
    random = np.random.default_rng(_SEED)
    factors = random.integers(0, 2**64, (BANDS, ROWS), dtype=np.uint64) | np.uint64(1)
    keys = np.zeros((len(texts), BANDS), dtype=np.uint64)
    begin = 0
    while begin < len(texts):
        limit = int(np.searchsorted(texts.first, texts.first[begin] + CHUNK_SHINGLES, side="right")) - 1
        end = min(max(limit, begin + 1), len(texts))
        hashes = texts.hashes[texts.first[begin] : texts.first[end]]
        first = texts.first[begin:end] - texts.first[begin]
        for band in range(BANDS):
            for factor in factors[band]:
                # An odd factor permutes the 64-bit numbers, and the shingles' hashes are already random.
                keys[begin:end, band] = _finalize_hashes(
                    keys[begin:end, band] ^ np.minimum.reduceat(hashes * factor, first)
                )
        begin = end
    return keys


def _find_candidates(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return left * len(right) + right of each pair that agrees in a band, ascending, without repeats."""
    found = [np.zeros(0, dtype=np.int64)]
    for band in range(BANDS):
        order = np.argsort(right[:, band], kind="stable")
        ordered = right[order, band]
        low = np.searchsorted(ordered, left[:, band], side="left")
        counts = np.searchsorted(ordered, left[:, band], side="right") - low
        at = np.repeat(np.arange(len(left)), counts)
        found.append(np.unique(np.concatenate([found.pop(), at * len(right) + order[concatenate_ranges(low, counts)]])))
    return found[0]


def _compute_jaccard(left: Shingles, right: Shingles, of_left: np.ndarray, of_right: np.ndarray) -> np.ndarray:
    """Compute the similarity of each pair of sets [pairs]."""
    sizes = np.diff(left.first)
    names, numbers = np.unique(right.hashes, return_inverse=True)
    # Ascending, because the hashes of each text are, so looking up (text, hash) is one binary search.
    known = np.repeat(np.arange(len(right)), np.diff(right.first)) * len(names) + numbers
    shared = np.zeros(len(of_left), dtype=np.int64)
    begin, reached = 0, np.cumsum(sizes[of_left])
    while begin < len(of_left):
        limit = int(np.searchsorted(reached, (reached[begin - 1] if begin else 0) + CHUNK_SHINGLES, side="right"))
        end = max(limit, begin + 1)
        pairs = slice(begin, end)
        hashes = left.hashes[concatenate_ranges(left.first[of_left[pairs]], sizes[of_left[pairs]])]
        number = np.minimum(np.searchsorted(names, hashes), len(names) - 1)
        keys = np.repeat(of_right[pairs], sizes[of_left[pairs]]) * len(names) + number
        place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        hit = (known[place] == keys) & (names[number] == hashes)
        shared[pairs] = np.bincount(
            np.repeat(np.arange(end - begin), sizes[of_left[pairs]])[hit], minlength=end - begin
        )
        begin = end
    union = sizes[of_left] + np.diff(right.first)[of_right] - shared
    return np.asarray(shared / np.maximum(union, 1))
