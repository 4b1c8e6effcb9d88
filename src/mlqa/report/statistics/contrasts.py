"""Tell real differences from chance: intervals of contrasts, Holm's correction, and the set of those that tie.

A difference has two parts, of the questions and of the seeds, each with degrees of freedom of its own. Their sum is
compared with a t distribution whose degrees of freedom follow Satterthwaite.

Sources: Satterthwaite 1946, An approximate distribution of estimates of variance components. Welch 1947. Holm 1979, A
simple sequentially rejective multiple test procedure. Hsu 1981, Simultaneous confidence intervals for all distances
from the "best".
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from mlqa.report.statistics.spread import PRIOR_DF, Spread

CONFIDENCE = 0.95
# "Beats" means a corrected p-value under this. At 0.05, sweeps of one to three seeds named a false winner too often.
LEVEL = 0.03


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of means, in points.

    Attributes:
        value: The sum.
        low: Lower end of the 95 % interval, for new questions and new seeds.
        high: Upper end.
        p: Two-sided p-value of its being 0.
        variance: The variance of the sum.
        df: Degrees of freedom of the variance.
        from_questions: The part of the variance that comes from the choice of contexts.
    """

    value: float
    low: float
    high: float
    p: float
    variance: float
    df: float
    from_questions: float


@dataclass(frozen=True)
class Difference:
    """The score of `first` minus that of `second` (indices of treatments).

    Attributes:
        first: Index of a treatment.
        second: Index of another one.
        contrast: On new questions, trained anew.
        low_here: Lower end of the 95 % interval on exactly these questions, if only the seeds change.
        high_here: Upper end.
        p_holm: The p-value of `contrast`, corrected for all pairs.
    """

    first: int
    second: int
    contrast: Contrast
    low_here: float
    high_here: float
    p_holm: float

    @property
    def mean(self) -> float:
        """The difference."""
        return self.contrast.value

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval on new questions."""
        return self.contrast.low

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval on new questions."""
        return self.contrast.high

    @property
    def p(self) -> float:
        """The p-value before correction."""
        return self.contrast.p

    @property
    def is_told_apart(self) -> bool:
        """Whether one of the two beats the other."""
        return self.p_holm < LEVEL

    @property
    def winner(self) -> int | None:
        """Index of the one that beats the other, None if neither does."""
        return None if not self.is_told_apart else self.first if self.mean > 0 else self.second


def compute_contrast(spread: Spread, weights: Sequence[float] | np.ndarray) -> Contrast:
    """Compute a weighted sum of means with its interval.

    Args:
        spread: The means and their variances.
        weights: [k], one weight per treatment.
    """
    weights = np.asarray(weights, dtype=np.float64)
    value = float(weights @ spread.means)
    from_questions = max(0.0, float(weights @ spread.by_questions @ weights))
    variance = from_questions + float(np.sum(weights**2 * spread.beyond_flips / spread.counts))
    seed_error = _estimate_seed_error(spread, weights)
    question_error = from_questions**2 / max(spread.contexts - 1, 1e-9)
    total_error = question_error + seed_error
    df = variance**2 / total_error if total_error > 0 else np.inf
    half = _compute_half_width(variance, df)
    return Contrast(value, value - half, value + half, _test_zero(spread, weights, value, variance, df), variance, df,
                    from_questions)  # fmt: skip


def _estimate_seed_error(spread: Spread, weights: np.ndarray) -> float:
    """Return how uncertain the seeds' part of a variance is, as Satterthwaite's formula adds it up.

    Treatments with the pooled variance err together, so that their errors are added before they are squared.
    """
    squared = spread.seed_df * spread.between_seeds**2 + PRIOR_DF * spread.prior_sd**4
    errors = weights**2 * squared**0.5 / ((PRIOR_DF + spread.seed_df) * spread.counts)
    return float(errors[spread.is_pooled].sum()) ** 2 + float(np.sum(errors[~spread.is_pooled] ** 2))


def _compute_half_width_here(spread: Spread, weights: np.ndarray) -> float:
    """Return half the width of the 95 % interval on exactly these questions: only the seeds would be others."""
    variance = float(np.sum(weights**2 * spread.between_seeds / spread.counts))
    error = _estimate_seed_error(spread, weights)
    return _compute_half_width(variance, variance**2 / error if error > 0 else np.inf)


def _compute_half_width(variance: float, df: float) -> float:
    """Return half the width of a 95 % interval, 0 if nothing varies."""
    return compute_t_quantile(df, 1 - (1 - CONFIDENCE) / 2) * float(variance**0.5) if variance > 0 else 0.0


def _test_zero(spread: Spread, weights: np.ndarray, value: float, variance: float, df: float) -> float:
    """Return the two-sided p-value.

    It is never less than an exact sign-flip test could give over the contexts in which the contrast is not 0.
    Otherwise a few contexts that agree by chance would seem certain, because nothing varies among them.
    """
    differing = int(np.count_nonzero(np.abs(weights @ spread.sums) > 1e-9))
    least = min(1.0, 0.5 ** (differing - 1))
    if variance <= 0:
        return 1.0 if abs(value) < 1e-12 else least
    p = 2 * float(stdtr(min(df, 1e6), -abs(value) / variance**0.5))
    return max(p, least)


def compute_t_quantile(df: float, probability: float) -> float:
    """Return the quantile of Student's t. `df` may be any positive number, also infinite."""
    return float(stdtrit(min(df, 1e6), probability))


def compute_differences(spread: Spread) -> list[Difference]:
    """Return the differences of all pairs of treatments, with p-values corrected for all of them."""
    count = len(spread.means)
    found = []
    for first, second in itertools.combinations(range(count), 2):
        weights = np.zeros(count)
        weights[first], weights[second] = 1.0, -1.0
        contrast = compute_contrast(spread, weights)
        half = _compute_half_width_here(spread, weights)
        found.append((first, second, contrast, contrast.value - half, contrast.value + half))
    corrected = apply_holm_correction([contrast.p for _, _, contrast, _, _ in found])
    return [Difference(*each, p_holm) for each, p_holm in zip(found, corrected, strict=True)]


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


def find_tie_set(count: int, differences: Sequence[Difference]) -> list[int]:
    """Return the indices of the treatments that no other beats.

    Args:
        count: Number of treatments.
        differences: The differences of all their pairs.
    """
    beaten = {
        difference.first if difference.winner == difference.second else difference.second
        for difference in differences
        if difference.is_told_apart
    }
    return [index for index in range(count) if index not in beaten]


def bound_distance_to_best(index: int, differences: Sequence[Difference]) -> float:
    """Return how far a treatment is behind the best at most, in points: 0 if every interval says that it is ahead."""
    ends = [
        -difference.low if difference.first == index else difference.high
        for difference in differences
        if index in (difference.first, difference.second)
    ]
    return max(0.0, *ends) if ends else 0.0
