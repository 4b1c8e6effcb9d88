"""Forecast what more seeds or more questions would settle.

The true difference is taken as normal around 0 with a standard deviation of 3 points before the data, so that a
difference that was measured with little certainty is expected to shrink.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from mlqa.report.statistics.contrasts import LEVEL, Difference, compute_t_quantile
from mlqa.report.statistics.spread import PRIOR_DF, Spread

PRIOR_VARIANCE = 9.0  # of the true difference between two treatments, in squared points
CHANCE = 0.8  # what "needed" and "resolved" stand for


@dataclass(frozen=True)
class Need:
    """What it takes to tell two treatments apart with a chance of 80 %, if they differ by as much as was measured.

    Attributes:
        seeds: Seeds of each in all. None if no number of seeds is enough with these questions.
        questions: Times as many questions, with the seeds of now. None if no number of questions is enough.
    """

    seeds: int | None
    questions: float | None


def forecast_decision(
    spread: Spread, difference: Difference, undecided: int, more_seeds: int = 0, times_questions: float = 1
) -> float:
    """Return the chance (0-1) that two treatments are told apart with more seeds or more questions.

    Args:
        spread: The means and their variances.
        difference: The difference of the two treatments, not told apart so far.
        undecided: Number of pairs that are not told apart, for which the level is corrected.
        more_seeds: Further seeds of each.
        times_questions: How many times as many questions, of as many times the contexts.
    """
    pair = [difference.first, difference.second]
    now, then = (float(np.sum(1 / (spread.counts[pair] + more))) for more in (0, more_seeds))
    own = _find_own_question_variance(spread, difference, now)
    from_questions = (own + spread.flip * then) / times_questions
    seeds = float(np.sum(spread.beyond_flips[pair] / (spread.counts[pair] + more_seeds)))
    variance = from_questions + seeds
    if variance <= 0 or difference.contrast.variance <= variance:
        return 0.0
    question_error = from_questions**2 / max(times_questions * spread.contexts - 1, 1e-9)
    seed_error = (variance - own / times_questions) ** 2 / (PRIOR_DF + spread.pooled_df + 2 * more_seeds)
    df = variance**2 / (question_error + seed_error) if question_error + seed_error > 0 else math.inf
    limit = compute_t_quantile(df, 1 - LEVEL / max(undecided, 1) / 2) * variance**0.5
    kept = (PRIOR_VARIANCE + variance) / (PRIOR_VARIANCE + difference.contrast.variance)
    mean, sd = kept * difference.mean, (kept * (difference.contrast.variance - variance)) ** 0.5
    return float(ndtr((mean - limit) / sd) + ndtr((-mean - limit) / sd))


def compute_need(spread: Spread, difference: Difference, undecided: int) -> Need:
    """Return how many seeds, or how many times the questions, would tell two treatments apart.

    Args:
        spread: The means and their variances.
        difference: The difference of the two treatments.
        undecided: Number of pairs that are not told apart, for which the level is corrected.
    """
    pair = [difference.first, difference.second]
    counts = spread.counts[pair]
    own = _find_own_question_variance(spread, difference, float(np.sum(1 / counts)))
    seeds, target = (
        float(spread.beyond_flips[pair].mean()),
        difference.mean**2 / _compute_power(LEVEL / max(undecided, 1)),
    )
    left = target - own
    needed = math.ceil(2 * (seeds + spread.flip) / left) if left > 0 else None
    n = 2 / float(np.sum(1 / counts))
    left = target - 2 * seeds / n
    return Need(needed, max(1.0, (own + 2 * spread.flip / n) / left) if left > 0 else None)


def compute_smallest_resolved(spread: Spread, difference: Difference) -> float:
    """Return the difference that even endless seeds on these questions tell apart in only 80 % of experiments."""
    pair = [difference.first, difference.second]
    own = _find_own_question_variance(spread, difference, float(np.sum(1 / spread.counts[pair])))
    return float((_compute_power(0.05) * own) ** 0.5)


def _compute_power(level: float) -> float:
    """Return the squared difference over its variance that gives p < `level` in 80 % of experiments: 7.85 at 0.05."""
    return float((ndtri(1 - level / 2) + ndtri(CHANCE)) ** 2)


def _find_own_question_variance(spread: Spread, difference: Difference, inverse_seeds: float) -> float:
    """Return the part of the questions' variance that endless seeds would leave, at least a tenth of it."""
    measured = difference.contrast.from_questions
    return max(measured - spread.flip * inverse_seeds, 0.1 * measured)
