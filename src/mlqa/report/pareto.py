"""Find the Pareto front: what nothing beats in both quality and price."""

from __future__ import annotations

from collections.abc import Sequence


def find_pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the (price, score) points that no other point dominates, by rising price.

    A point dominates another if it is no dearer and no worse, and better in at least one of the two. Equal points do
    not dominate each other.
    """
    order = sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1]))
    kept: list[int] = []
    for index in order:
        price, score = points[index]
        if not kept:
            kept.append(index)
            continue
        last_price, last_score = points[kept[-1]]
        if score > last_score or (price == last_price and score == last_score):
            kept.append(index)
    return kept
