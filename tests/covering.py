"""Pairwise testing: a few rows in which each pair of values of two factors occurs."""

from __future__ import annotations

import itertools
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


def cover_pairs(factors: Mapping[str, Sequence[str]], is_allowed: Callable[[Row], bool]) -> list[Row]:
    """Return rows with each pair of values that any allowed row has: greedily, the row with most new pairs first."""
    candidates = list(list_rows(factors, is_allowed))
    missing = set().union(*map(list_pairs, candidates))
    chosen = []
    while missing:
        row = max(candidates, key=lambda row: len(list_pairs(row) & missing))
        chosen.append(row)
        missing -= list_pairs(row)
    return chosen
