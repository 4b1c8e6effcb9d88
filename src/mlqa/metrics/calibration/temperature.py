"""Turn the scores of candidates into the probability that an answer is right, by one temperature for all questions.

    p(answer) = exp(score(answer) / T) / sum over the candidates of the question of exp(score(candidate) / T)

The candidates are the best spans of all windows of a question, and "no answer" if the model may give none. A score is
the sum of a start and an end logit. T does not change which candidate is best.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv 1706.04599). There T minimizes the negative
log likelihood of the right class. Spans are no fixed classes: several may be right, and perhaps none of the candidates
is. So T minimizes the log loss of what the probability is read as, "this answer is right".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LOWEST, HIGHEST = 0.05, 50.0  # limits of T: if all answers are right, or all are wrong, no T is best


def stack_scores(scores: Sequence[Sequence[float]]) -> np.ndarray:
    """Put the scores of the candidates of each question into one array.

    Args:
        scores: For each question the score of its answer, then those of the other candidates.

    Returns:
        The scores, filled up with -inf [questions, most candidates].
    """
    width = max((len(row) for row in scores), default=1)
    stacked = np.full((len(scores), max(width, 1)), -np.inf)
    for number, row in enumerate(scores):
        stacked[number, : len(row)] = row
    return stacked


def compute_confidence(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probability of each answer.

    Args:
        scores: The scores from `stack_scores` [questions, candidates].
        temperature: T, above 0.

    Returns:
        Probabilities, 0-1 [questions]. The only candidate of a question has 1.
    """
    scaled = scores / temperature
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(weights[:, 0] / weights.sum(axis=1))


def compute_log_loss(scores: np.ndarray, correct: np.ndarray, temperature: float) -> float:
    """Return the mean log loss of "this answer is right", in nats.

    Args:
        scores: The scores from `stack_scores`. Every question has at least two candidates [questions, candidates].
        correct: Whether each answer is right [questions].
        temperature: T, above 0.
    """
    scaled = scores / temperature
    total = _add_exponents(scaled)
    right, wrong = scaled[:, 0] - total, _add_exponents(scaled[:, 1:]) - total
    return float(-np.where(correct, right, wrong).mean())


def fit_temperature(scores: np.ndarray, correct: np.ndarray) -> float:
    """Find the temperature with the lowest log loss.

    Args:
        scores: The scores from `stack_scores` [questions, candidates].
        correct: Whether each answer is right [questions].

    Returns:
        T, from LOWEST to HIGHEST. 1.0 if no question has a second candidate, because then T changes nothing.
    """
    several = np.isfinite(scores).sum(axis=1) > 1
    scores, correct = scores[several], np.asarray(correct, dtype=bool)[several]
    if not len(scores):
        return 1.0
    from scipy.optimize import minimize_scalar

    def measure(exponent: float) -> float:
        return compute_log_loss(scores, correct, math.exp(exponent))

    # The loss may have more than one valley, so the deepest of a grid is searched.
    grid = np.linspace(math.log(LOWEST), math.log(HIGHEST), 25)
    best = int(np.argmin([measure(exponent) for exponent in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(measure, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(math.exp(found.x))


def _add_exponents(values: np.ndarray) -> np.ndarray:
    """Return log(sum(exp(values))) of each row."""
    highest = values.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(values - highest).sum(axis=1)) + highest[:, 0])
