"""Answer only if sure: how much can be answered at which risk.

Coverage is the share of questions that are answered, risk the mean loss (1 - score) of those. Each threshold on the
probability gives a point of the risk-coverage curve. Sources: El-Yaniv & Wiener 2010, "On the Foundations of
Noise-free Selective Classification" (JMLR 11), Geifman & El-Yaniv 2017, "Selective Classification for Deep Neural
Networks" (arXiv 1705.08500), and for questions Kamath et al. 2020, "Selective Question Answering under Domain Shift"
(arXiv 2006.09462).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlqa.metrics.bootstrap import CONFIDENCE, MOST_CLUSTERS, REPLICATES, SEED, draw_cluster_means

MOST_POINTS = 100  # of a curve in a file


@dataclass(frozen=True)
class Point:
    """What comes of answering only if the probability is at least `threshold`.

    Attributes:
        threshold: The lowest probability that is answered.
        coverage: Share of the questions that are answered, 0-1.
        score: Mean score of the answered questions, 0-100.
    """

    threshold: float
    coverage: float
    score: float


def trace_curve(confidence: np.ndarray, scores: np.ndarray) -> list[Point]:
    """Return the risk-coverage curve, by rising coverage.

    A threshold lies in the middle between the last probability that is answered and the first that is not, so that
    rounding cannot move an answer across it. Answers of equal probability are answered together or not at all.

    Args:
        confidence: Probability of each answer, 0-1 [questions].
        scores: Score of each answer, 0-1 [questions].

    Returns:
        A point for each distinct probability. The last one answers everything, with the threshold 0.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    means = np.cumsum(scores[order], dtype=np.float64) / np.arange(1, len(order) + 1)
    last = np.flatnonzero(np.diff(ranked, append=-1.0))  # of each group of equal probabilities
    following = np.append(ranked, 0.0)[last + 1]
    thresholds = np.where(last + 1 < len(ranked), (ranked[last] + following) / 2, 0.0)
    return [
        Point(float(threshold), (place + 1) / len(ranked), 100.0 * float(means[place]))
        for threshold, place in zip(thresholds, last.tolist(), strict=True)
    ]


def compute_aurc(confidence: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the risk-coverage curve, 0-1: the mean risk over all coverages. Lower is better."""
    ranked = scores[np.argsort(-confidence, kind="stable")]
    return float(1.0 - (np.cumsum(ranked) / np.arange(1, len(ranked) + 1)).mean())


def choose_point(curve: Sequence[Point], risk: float) -> Point | None:
    """Return the point with the highest coverage whose risk is at most `risk`, None if there is none.

    Args:
        curve: The curve from `trace_curve`.
        risk: Mean loss to accept, 0-1. 0.1 accepts a score of 90.
    """
    enough = [point for point in curve if point.score >= 100.0 * (1.0 - risk) - 1e-9]
    return max(enough, key=lambda point: point.coverage, default=None)


def measure_threshold(
    threshold: float | None, confidence: np.ndarray, scores: np.ndarray, context_of: np.ndarray
) -> dict[str, float | None]:
    """Measure coverage and score of a threshold, perhaps on other questions than it was chosen on.

    Args:
        threshold: The lowest probability to answer. None answers nothing.
        confidence: Probability of each answer, 0-1 [questions].
        scores: Score of each answer, 0-1 [questions].
        context_of: The number of each question's context [questions].

    Returns:
        coverage (0-1), score (0-100, None if nothing is answered), and score_ci_low and score_ci_high, the 95 %
        interval by drawing contexts, if those that are answered are of more than one context.
    """
    answered = np.zeros(len(scores), bool) if threshold is None else confidence >= threshold
    figures: dict[str, float | None] = {"coverage": float(answered.mean()), "score": None}
    if not answered.any():
        return figures
    figures["score"] = 100.0 * float(scores[answered].mean())
    if len(np.unique(context_of[answered])) > 1:
        columns = [np.where(answered, scores, 0.0), answered.astype(float)]
        random = np.random.default_rng(SEED)
        drawn = draw_cluster_means(columns, context_of, random, REPLICATES, MOST_CLUSTERS)
        drawn = drawn[drawn[:, 1] > 0]
        tail = (1 - CONFIDENCE) / 2
        low, high = 100.0 * np.quantile(drawn[:, 0] / drawn[:, 1], [tail, 1 - tail])
        figures |= {"score_ci_low": float(low), "score_ci_high": float(high)}
    return figures


def thin_curve(curve: Sequence[Point]) -> list[dict[str, Any]]:
    """Return at most MOST_POINTS points of a curve as JSON has them, evenly spread over coverage, with the last one."""
    coverage = np.array([point.coverage for point in curve])
    wanted = np.linspace(1 / MOST_POINTS, 1.0, MOST_POINTS)
    chosen = np.unique(np.minimum(np.searchsorted(coverage, wanted - 1e-9), len(curve) - 1))
    return [asdict(curve[number]) for number in chosen]
