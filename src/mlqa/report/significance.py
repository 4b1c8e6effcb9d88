"""Separate real differences between configurations from chance: a paired bootstrap over contexts, Holm's correction.

Every replicate draws as many contexts as there are, with replacement, each with all its questions. The contexts are the
same for every configuration, so that what is easy or hard for all cancels. If a configuration has several seeds, each
replicate also draws among them, with the same places for all configurations that have as many: seed 1 of one meets
seed 1 of the other.

The p-value is that of the null-centred bootstrap, but never less than 2 to the power of 1 - k. That is the least that
an exact sign-flip test can give over the k contexts in which the two differ. Without this bound a few contexts that
agree by chance would seem certain, because they have no spread to draw from.

Sources: Efron & Tibshirani 1993, ch. 13 and 16. Koehn 2004 (paired bootstrap of a metric). Field & Welsh 2007 (whole
clusters). Davison & Hinkley 1997, ch. 2 (the mean of n resampled values varies too little, by (n - 1) / n, and is
rescaled). Holm 1979 (step-down correction).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlqa.metrics.bootstrap import draw_cluster_means

SEED = 0
REPLICATES = 20_000  # the least p-value is 1 / 20,001, under 0.05 also after correction for some hundred pairs
CONFIDENCE = 0.95
SIGNIFICANT = 0.05
MOST_CLUSTERS = 2_000  # more contexts are grouped at random, as in mlqa.metrics.bootstrap


@dataclass(frozen=True)
class Difference:
    """F1 of `first` minus F1 of `second` (indices of configurations), on the 0-100 scale.

    `low` and `high` are the 95 % percentile interval of this difference, `p` is its two-sided p-value, and `p_holm` the
    p-value corrected for all pairs that were compared together.
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
        """Whether the corrected p-value is under 0.05."""
        return self.p_holm < SIGNIFICANT


def apply_holm_correction(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method (Holm 1979), in the order given.

    The k-th smallest of m is multiplied by m - k + 1. It is never less than the adjusted one before it, and at most 1.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, floor = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = floor
    return adjusted


def compute_differences(
    rows: Sequence[np.ndarray], context_of: np.ndarray, replicates: int = REPLICATES, seed: int = SEED
) -> list[Difference]:
    """Return the differences of all pairs of configurations.

    Args:
        rows: `rows[i]` is float [seeds, questions], the score (0-1) of each seed's answers by configuration i.
        context_of: Integer [questions], the context of each.
        replicates: Number of draws.
        seed: Of the draws.

    Returns:
        One difference per pair. Empty for fewer than two configurations or contexts.
    """
    if len(rows) < 2 or len(np.unique(context_of)) < 2:
        return []
    drawn = 100 * bootstrap_means(rows, context_of, replicates, seed)
    means = [100 * float(seeds.mean()) for seeds in rows]
    _, index = np.unique(context_of, return_inverse=True)
    by_context = [np.bincount(index, seeds.mean(axis=0)) for seeds in rows]
    tail = (1 - CONFIDENCE) / 2
    pairs = list(itertools.combinations(range(len(rows)), 2))
    estimates = []
    for first, second in pairs:
        mean = means[first] - means[second]
        sample = drawn[:, first] - drawn[:, second]
        low, high = np.quantile(sample, [tail, 1 - tail])
        # Differences in the last bits come from the order of a sum and do not count.
        beyond = int(np.count_nonzero(np.abs(sample - mean) >= abs(mean) - 1e-9))
        differing = int(np.count_nonzero(np.abs(by_context[first] - by_context[second]) > 1e-9))
        p = max((1 + beyond) / (replicates + 1), min(1.0, 0.5 ** (differing - 1)))
        estimates.append((mean, float(low), float(high), p))
    corrected = apply_holm_correction([p for *_, p in estimates])
    return [
        Difference(first, second, mean, low, high, p, p_holm)
        for (first, second), (mean, low, high, p), p_holm in zip(pairs, estimates, corrected, strict=True)
    ]


def bootstrap_means(
    rows: Sequence[np.ndarray], context_of: np.ndarray, replicates: int = REPLICATES, seed: int = SEED
) -> np.ndarray:
    """Return the mean score of each configuration on each draw of contexts and seeds.

    Args:
        rows: As in `compute_differences`, like `context_of`.
        context_of: Integer [questions].
        replicates: Number of draws.
        seed: Of the draws.

    Returns:
        Float [replicates, configurations], 0-1.
    """
    random = np.random.default_rng(seed)
    columns = [of_seed for of_seeds in rows for of_seed in of_seeds]
    drawn = draw_cluster_means(columns, context_of, random, replicates, MOST_CLUSTERS)
    counts = [len(of_seeds) for of_seeds in rows]
    chosen_of = {seeds: random.integers(0, seeds, (replicates, seeds)) for seeds in dict.fromkeys(counts) if seeds > 1}
    means = np.empty((replicates, len(rows)))
    for number, block in enumerate(np.split(drawn, np.cumsum(counts)[:-1], axis=1)):
        means[:, number] = block.mean(axis=1)
        seeds = counts[number]
        if seeds > 1:
            resampled = np.take_along_axis(block, chosen_of[seeds], axis=1).mean(axis=1)
            means[:, number] += (seeds / (seeds - 1)) ** 0.5 * (resampled - means[:, number])
    return means
