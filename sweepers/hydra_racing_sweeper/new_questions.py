"""What a race says of questions that are not in the test set.

A race compares means over replicates on one test set. Whether a difference holds for other questions of the kind is
another matter: more replicates do not make a test set larger. Scores of single items are averaged over replicates, and
compared item by item. Items with the same group (questions on one text) count together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydra_racing_sweeper.student_t import compute_quantile

LEAST_GROUPS = 10


@dataclass(frozen=True)
class Generalization:
    """The difference of two treatments for new questions.

    Attributes:
        better: The treatment with the better mean, by index.
        worse: The other.
        difference: Between their mean scores on the items that both have.
        low, high: Its interval over items and replicates. All intervals of the race hold together.
        items: Number of items.
        groups: Number of groups of items.
    """

    better: int
    worse: int
    difference: float
    low: float
    high: float
    items: int
    groups: int


def average_items(runs: Sequence[Mapping[str, tuple[float, str]]]) -> dict[str, tuple[float, str]]:
    """Average the scores of each item over the runs of a treatment, for the items that all runs have.

    Args:
        runs: {item: (score, group)} of each run.
    """
    common = set.intersection(*(set(run) for run in runs)) if runs else set()
    return {
        name: (math.fsum(run[name][0] for run in runs) / len(runs), runs[0][name][1])
        for name in (runs[0] if runs else ())
        if name in common
    }


def compare_items(
    better: int,
    worse: int,
    first: Mapping[str, tuple[float, str]],
    second: Mapping[str, tuple[float, str]],
    replicate_error: float,
    level: float,
) -> Generalization | None:
    """Compare two treatments item by item.

    The variance is that of a mean over groups of items drawn anew (the linearized cluster variance, which a bootstrap
    over groups approaches), plus that of the difference over replicates.

    Args:
        better: Index of the treatment with the better mean.
        worse: Index of the other.
        first: {item: (mean score, group)} of the better one.
        second: The same of the other.
        replicate_error: The standard error of the difference over replicates.
        level: Probability that the interval misses, on each side.

    Returns:
        The comparison, None if there are fewer than 10 groups.
    """
    names = [name for name in first if name in second]
    differences = {name: first[name][0] - second[name][0] for name in names}
    sums: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for name in names:
        group = first[name][1]
        sums[group] = sums.get(group, 0.0) + differences[name]
        sizes[group] = sizes.get(group, 0) + 1
    if len(sums) < LEAST_GROUPS:
        return None
    count, groups = len(names), len(sums)
    mean = math.fsum(sums.values()) / count
    squares = math.fsum((sums[group] - sizes[group] * mean) ** 2 for group in sums)
    variance = squares / count**2 * groups / (groups - 1)
    half = compute_quantile(level, groups - 1) * math.sqrt(variance + replicate_error**2)
    return Generalization(better, worse, mean, mean - half, mean + half, count, groups)
