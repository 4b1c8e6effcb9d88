"""Compare probabilities with what was right: the reliability diagram and the expected calibration error (ECE).

Source: Guo et al. 2017 (arXiv 1706.04599), with 15 bins of equal width. ECE is the mean distance between probability
and share of right answers over the bins, weighted by their questions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlqa.metrics.bootstrap import CONFIDENCE, MOST_CLUSTERS, REPLICATES, SEED, draw_cluster_means

BINS = 15
CHANCE_DRAWS = 500
MOST_CHANCE_VALUES = 20_000_000  # drawn numbers, to bound the time for huge splits


@dataclass(frozen=True)
class Bin:
    """The answers whose probability is above `low` and at most `high`.

    Attributes:
        low: Lower end.
        high: Upper end.
        total: Number of answers.
        confidence: Their mean probability.
        correct: The share of them that is right.
    """

    low: float
    high: float
    total: int
    confidence: float
    correct: float


def bin_answers(confidence: np.ndarray, correct: np.ndarray) -> list[Bin]:
    """Return the bins that have answers, by rising probability.

    Args:
        confidence: Probability of each answer, 0-1 [questions].
        correct: Whether each answer is right [questions].
    """
    number = _number_bins(confidence)
    bins = []
    for each in np.unique(number):
        inside = number == each
        mean, share = float(confidence[inside].mean()), float(np.mean(correct[inside], dtype=float))
        bins.append(Bin(each / BINS, (each + 1) / BINS, int(inside.sum()), mean, share))
    return bins


def compute_ece(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Return the expected calibration error, 0-1.

    Args:
        confidence: Probability of each answer, 0-1 [questions].
        correct: Whether each answer is right [questions].
    """
    gaps = np.bincount(_number_bins(confidence), confidence - correct, BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def estimate_ece(confidence: np.ndarray, correct: np.ndarray, context_of: np.ndarray) -> dict[str, float]:
    """Return the ECE, a 95 % interval of what it is for new questions, and what chance alone makes of it.

    ECE is a mean of distances, so chance makes it too large, and a draw of its questions larger still. The interval is
    therefore the basic one, which mirrors the draws at the measured ECE (Davison & Hinkley 1997, ch. 5.2). It may lie
    below the measured ECE. Its lower end is 0 if draws in which every probability is true also have such an ECE.
    docs/calibration.md has its coverage in simulations.

    Args:
        confidence: Probability of each answer, 0-1 [questions].
        correct: Whether each answer is right [questions].
        context_of: The number of each question's context. Contexts are drawn, each with all its questions [questions].

    Returns:
        ece, ece_by_chance (its mean if every probability is true), and ece_ci_low and ece_ci_high if there is more than
        one context.
    """
    ece, number = compute_ece(confidence, correct), _number_bins(confidence)
    random = np.random.default_rng(SEED)
    draws = max(1, min(CHANCE_DRAWS, MOST_CHANCE_VALUES // len(confidence)))
    by_chance = [compute_ece(confidence, random.random(len(confidence)) < confidence) for _ in range(draws)]
    figures = {"ece": ece, "ece_by_chance": float(np.mean(by_chance))}
    if len(np.unique(context_of)) > 1:
        gaps = confidence - correct
        columns = [np.where(number == each, gaps, 0.0) for each in np.unique(number)]
        random = np.random.default_rng(SEED)
        drawn = np.abs(draw_cluster_means(columns, context_of, random, REPLICATES, MOST_CLUSTERS)).sum(axis=1)
        tail = (1 - CONFIDENCE) / 2
        low, high = np.clip(2 * ece - np.quantile(drawn, [1 - tail, tail]), 0.0, 1.0)
        if ece <= np.quantile(by_chance, 1 - tail):
            low = 0.0
        figures |= {"ece_ci_low": float(low), "ece_ci_high": float(high)}
    return figures


def describe_bins(bins: list[Bin]) -> list[dict[str, Any]]:
    """Return the bins as JSON has them."""
    return [asdict(each) for each in bins]


def _number_bins(confidence: np.ndarray) -> np.ndarray:
    """Return the number of each answer's bin, 0 ... BINS - 1."""
    return np.asarray(np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1), dtype=np.int64)
