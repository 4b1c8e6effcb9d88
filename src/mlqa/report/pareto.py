"""Find the Pareto front: what nothing beats in both quality and price."""

from __future__ import annotations

from collections.abc import Sequence


def find_pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the (price, score) points that no other point dominates.

    A point dominates another if it is no dearer and no worse, and better in at least one of the two. Equal points do
    not dominate each other.
    """
    return [
        index
        for index, (price, score) in enumerate(points)
        if not any(p <= price and s >= score and (p, s) != (price, score) for p, s in points)
    ]
