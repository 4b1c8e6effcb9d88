"""Estimate intervals of mean scores by the cluster bootstrap: how far other texts could have moved them.

Questions of a context are not independent: a model that does not understand a paragraph fails on all its questions. So
contexts are drawn, each with all its questions. Source: Efron & Tibshirani 1993, ch. 13 (percentile interval), and
Field & Welsh 2007, "Bootstrapping clustered data", J. R. Stat. Soc. B 69 (drawing whole clusters).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

SEED = 0  # one draw for every run, so that two models on one data set have intervals from the same contexts
REPLICATES = 2000
CONFIDENCE = 0.95
# If there are more contexts, they are put together at random into so many groups, and groups are drawn. The width of
# the interval then has a relative standard error of 1 / sqrt(2 * groups), under 1 %. Time and memory are bounded.
MOST_CLUSTERS = 10_000
_DRAWN_AT_ONCE = 2_000_000


def estimate_intervals(scores: Mapping[str, Sequence[float]], cluster_of: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return the 95 % percentile interval of the mean of each score, in per cent.

    Args:
        scores: {name: one number of 0-1 per row}. All names share their draws.
        cluster_of: Integer [rows], the same number for rows that belong together.

    Returns:
        {name: (low, high)}. Empty if there are fewer than two clusters: one context says nothing about others.
    """
    if len(np.unique(cluster_of)) < 2:
        return {}
    random = np.random.default_rng(SEED)
    drawn = 100.0 * draw_cluster_means(list(scores.values()), cluster_of, random, REPLICATES, MOST_CLUSTERS)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return {name: (float(low[column]), float(high[column])) for column, name in enumerate(scores)}


def estimate_figure_intervals(
    columns: Mapping[str, np.ndarray], summarize: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> dict[str, tuple[float, float]]:
    """Return the 95 % percentile interval of figures that are computed from sums over units, such as texts or words.

    Args:
        columns: {name: float [units]}.
        summarize: Computes figures from {name: sums over the units [draws]}.

    Returns:
        {figure: (low, high)}, in the unit of the figure. Empty if there are fewer than two units.
    """
    units = len(next(iter(columns.values())))
    if units < 2:
        return {}
    random = np.random.default_rng(SEED)
    means = draw_cluster_means(list(columns.values()), np.arange(units), random, REPLICATES, MOST_CLUSTERS)
    tail = (1 - CONFIDENCE) / 2
    figures = summarize({name: means[:, column] * units for column, name in enumerate(columns)})
    return {name: tuple(np.quantile(drawn, [tail, 1 - tail]).tolist()) for name, drawn in figures.items()}


def draw_cluster_means(
    columns: Sequence[Sequence[float] | np.ndarray],
    cluster_of: np.ndarray,
    random: np.random.Generator,
    replicates: int,
    most_clusters: int,
) -> np.ndarray:
    """Return the mean of each column on each draw of as many clusters as there are, with replacement.

    Args:
        columns: One number per row each. All columns share their draws.
        cluster_of: Integer [rows], the same number for rows that belong together.
        random: The generator to draw from.
        replicates: Number of draws.
        most_clusters: If there are more clusters, they are put together at random into so many groups.

    Returns:
        Float [replicates, columns].
    """
    clusters, index = np.unique(cluster_of, return_inverse=True)
    if len(clusters) > most_clusters:
        index = (random.permutation(len(clusters)) % most_clusters)[index]
    count = min(len(clusters), most_clusters)
    sums = [np.bincount(index, np.asarray(rows, dtype=np.float64), count) for rows in columns]
    table = np.stack([*sums, np.bincount(index, minlength=count).astype(np.float64)], axis=1)

    parts = []
    at_once = max(1, _DRAWN_AT_ONCE // count)
    for begin in range(0, replicates, at_once):
        size = min(at_once, replicates - begin)
        # Multinomial weights [size, clusters]: how often each cluster is drawn in each replicate.
        drawn = random.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
        totals = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count) @ table
        parts.append(totals[:, :-1] / totals[:, -1:])
    return np.concatenate(parts)
