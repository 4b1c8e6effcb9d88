"""Pairwise testing: a few rows in which each pair of values of two factors occurs."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

Row = dict[str, str]


def list_rows(factors: Mapping[str, Sequence[str]], is_allowed: Callable[[Row], bool]) -> Iterator[Row]:
    """Yield every allowed combination."""
    for values in itertools.product(*factors.values()):
        row = dict(zip(factors, values, strict=True))
        if is_allowed(row):
            yield row


def list_pairs(row: Row) -> set[tuple[tuple[str, str], ...]]:
    """Return the pairs of values of a row."""
    return set(itertools.combinations(row.items(), 2))


def cover_pairs(factors: Mapping[str, Sequence[str]], is_allowed: Callable[[Row], bool], seed: int) -> list[Row]:
    """Return rows with each pair of values that any allowed row has: greedily, the row with most new pairs first.

    The seed decides between rows with as many, and so on the number of rows in the end.
    """
    candidates = list(list_rows(factors, is_allowed))
    random.Random(seed).shuffle(candidates)
    pairs = [list_pairs(row) for row in candidates]
    missing = set().union(*pairs)
    chosen = []
    while missing:
        best = max(range(len(candidates)), key=lambda number: len(pairs[number] & missing))
        chosen.append(candidates[best])
        missing -= pairs[best]
    return chosen
