"""Differences between configurations, with what chance has in them: a paired bootstrap over contexts, Holm's
correction.

Every replicate draws as many contexts as there are, with replacement, each with all its questions, the same ones for
every configuration; so what is easy or hard for all cancels. Where a configuration has several seeds, each replicate
draws among these as well, the same places for all that have as many: seed 1 of one beside seed 1 of the other. The
p-value is that of the null-centred bootstrap, but never less than 2 to the power of 1 - k, the least that an exact
sign-flip test can give over the k contexts in which the two differ: few contexts that agree by chance have no spread
to draw from.

Sources: Efron & Tibshirani 1993, ch. 13 and 16; Koehn 2004 (paired bootstrap of a metric); Field & Welsh 2007 (whole
clusters); Davison & Hinkley 1997, ch. 2 (a mean of n resampled values varies by (n - 1) / n too little: rescaled);
Holm 1979 (step-down correction).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SEED = 0
REPLICATES = 20_000  # the least p-value is 1 / 20,001: under 0.05 also after correction for some hundred pairs
CONFIDENCE = 0.95
SIGNIFICANT = 0.05
MOST_CLUSTERS = 2_000  # more contexts are put together at random into so many groups, as in mlqa.metrics.bootstrap
_DRAWN_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Difference:
    """F1 of `first` minus F1 of `second` (indices of configurations), on the 0-100 scale.

    `low`, `high`: 95 % percentile interval of this one difference; `p` its two-sided p-value, `p_holm` the one
    corrected for all pairs that were looked at together.
    """

    first: int
    second: int
    mean: float
    low: float
    high: float
    p: float
    p_holm: float

    @property
    def is_significant(self) -> bool:
        return self.p_holm < SIGNIFICANT


def apply_holm_correction(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: the k-th smallest of m times m - k + 1, never less than the one before, at most 1."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, floor = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = floor
    return adjusted


def compute_differences(
    rows: Sequence[np.ndarray], context_of: np.ndarray, replicates: int = REPLICATES, seed: int = SEED
) -> list[Difference]:
    """All pairs of configurations.

    `rows[i]` is float [seeds, questions], the score (0-1) of each seed's answer; `context_of` is integer [questions].
    Empty for fewer than two configurations or contexts.
    """
    if len(rows) < 2 or len(np.unique(context_of)) < 2:
        return []
    drawn = 100 * bootstrap_means(rows, context_of, replicates, seed)
    means = [100 * float(of_seeds.mean()) for of_seeds in rows]
    _, index = np.unique(context_of, return_inverse=True)
    by_context = [np.bincount(index, of_seeds.mean(axis=0)) for of_seeds in rows]
    tail = (1 - CONFIDENCE) / 2
    pairs = list(itertools.combinations(range(len(rows)), 2))
    found = []
    for first, second in pairs:
        mean = means[first] - means[second]
        sample = drawn[:, first] - drawn[:, second]
        low, high = np.quantile(sample, [tail, 1 - tail])
        # A difference in the last bits, from the order of a sum, is none.
        beyond = int(np.count_nonzero(np.abs(sample - mean) >= abs(mean) - 1e-9))
        differing = int(np.count_nonzero(np.abs(by_context[first] - by_context[second]) > 1e-9))
        p = max((1 + beyond) / (replicates + 1), min(1.0, 0.5 ** (differing - 1)))
        found.append((mean, float(low), float(high), p))
    corrected = apply_holm_correction([p for *_, p in found])
    return [
        Difference(first, second, mean, low, high, p, p_holm)
        for (first, second), (mean, low, high, p), p_holm in zip(pairs, found, corrected, strict=True)
    ]


def bootstrap_means(
    rows: Sequence[np.ndarray], context_of: np.ndarray, replicates: int = REPLICATES, seed: int = SEED
) -> np.ndarray:
    """Float [replicates, configurations]: the mean score of each configuration on each draw of contexts and seeds."""
    random = np.random.default_rng(seed)
    clusters, index = np.unique(context_of, return_inverse=True)
    if len(clusters) > MOST_CLUSTERS:
        index = (random.permutation(len(clusters)) % MOST_CLUSTERS)[index]
    count = min(len(clusters), MOST_CLUSTERS)
    columns = [np.bincount(index, of_seed, count) for of_seeds in rows for of_seed in of_seeds]
    sums = np.stack([*columns, np.bincount(index, minlength=count).astype(np.float64)], axis=1)

    parts = []
    at_once = max(1, _DRAWN_AT_ONCE // count)
    for begin in range(0, replicates, at_once):
        size = min(at_once, replicates - begin)
        drawn = random.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
        totals = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count) @ sums
        parts.append(totals[:, :-1] / totals[:, -1:])
    of_seeds = np.concatenate(parts)

    means = np.empty((replicates, len(rows)))
    chosen_of: dict[int, np.ndarray] = {}
    begin = 0
    for number, row in enumerate(rows):
        seeds = len(row)
        block = of_seeds[:, begin : begin + seeds]
        begin += seeds
        means[:, number] = block.mean(axis=1)
        if seeds > 1:
            if seeds not in chosen_of:
                chosen_of[seeds] = random.integers(0, seeds, (replicates, seeds))
            chosen = chosen_of[seeds]
            resampled = np.take_along_axis(block, chosen, axis=1).mean(axis=1)
            means[:, number] += (seeds / (seeds - 1)) ** 0.5 * (resampled - means[:, number])
    return means
