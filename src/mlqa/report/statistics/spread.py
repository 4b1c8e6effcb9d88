"""Estimate how much mean scores vary: with the questions, by context, and with the seeds.

Questions of a context are not independent, so their sums per context are the units. Few seeds say little about their
own variance, so it is moderated: drawn towards what published runs with five seeds show (Smyth 2004). What an answer
changes between two seeds by chance ("flips") is seen question by question and kept apart, because more questions
average it out and the rest of the seeds' variance stays.

Sources: Liang & Zeger 1986 and Cameron, Gelbach & Miller 2011 (sums per cluster). Smyth 2004, Linear models and
empirical Bayes methods (moderated variance). docs/methodology.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# The prior of a treatment's variance between seeds: a standard deviation of 0.75 F1 points, worth 3 degrees of freedom.
# Published standard deviations over five seeds on TQuAD are 0.24 to 1.44.
PRIOR_DF = 3.0
PRIOR_SD = 0.75
# Variance of the score of one question between two seeds, in squared points, if no treatment has two seeds.
ASSUMED_FLIP = 500.0


@dataclass(frozen=True)
class Spread:
    """Means of k treatments, and how much they vary. All in points (0-100) or squared points.

    Attributes:
        means: [k], the mean over seeds and questions.
        counts: [k], number of seeds.
        by_questions: [k, k], covariance of the means by the choice of contexts. Flips between seeds are part of it.
        flip: Variance of one run's mean by flips alone.
        beyond_flips: [k], variance between seeds that more questions would not average out.
        between_seeds: [k], variance of one run's mean between seeds, moderated. Flips are part of it.
        seed_df: [k], degrees of freedom of `between_seeds` without those of the prior.
        is_pooled: [k], whether `between_seeds` is that of all treatments together, not the treatment's own.
        pooled_df: Degrees of freedom of all treatments together. 0 means that the seed variance is assumed, not
            measured.
        contexts: Effective number of contexts, fewer if they differ in size.
        prior_sd: Standard deviation between seeds that the prior assumes, beyond flips.
        sums: [k, contexts], mean over seeds of the sum of the scores in each context.
    """

    means: np.ndarray
    counts: np.ndarray
    by_questions: np.ndarray
    flip: float
    beyond_flips: np.ndarray
    between_seeds: np.ndarray
    seed_df: np.ndarray
    is_pooled: np.ndarray
    pooled_df: float
    contexts: float
    prior_sd: float
    sums: np.ndarray


def estimate_spread(
    scores: Sequence[np.ndarray], context_of: np.ndarray, prior_sd: float = PRIOR_SD, only_pooled: bool = False
) -> Spread | None:
    """Estimate means and variances.

    Args:
        scores: `scores[i]` is float [seeds, questions], the score (0-100) of each seed's answers by treatment i. Seeds
            of two treatments are not pairs.
        context_of: Integer [questions], the context of each.
        prior_sd: Standard deviation between seeds that the prior assumes, beyond flips.
        only_pooled: Whether all treatments have one variance between seeds.

    Returns:
        None for fewer than two contexts, which say nothing about others.
    """
    _, index, sizes = np.unique(context_of, return_inverse=True, return_counts=True)
    contexts, questions = len(sizes), len(index)
    if contexts < 2:
        return None
    sums = [np.stack([np.bincount(index, row, contexts) for row in np.atleast_2d(rows)]) for rows in scores]
    runs = [of_runs.sum(axis=1) / questions for of_runs in sums]
    counts = np.array([len(of_runs) for of_runs in runs])
    means = np.array([of_runs.mean() for of_runs in runs])
    mean_sums = np.stack([of_runs.mean(axis=0) for of_runs in sums])
    enlarged = contexts / (contexts - 1)

    residuals = (mean_sums - sizes * means[:, None]) / questions
    by_questions = enlarged * residuals @ residuals.T

    squares = np.array([np.sum((of_runs - of_runs.mean()) ** 2) for of_runs in runs])
    pooled_df = float(np.sum(counts - 1))
    if pooled_df:
        deviations = (
            (of_runs - of_mean) - sizes * (of_run - of_run.mean())[:, None]
            for of_runs, of_mean, of_run in zip(sums, mean_sums, runs, strict=True)
        )
        flip = enlarged * sum(float(np.sum((each / questions) ** 2)) for each in deviations) / pooled_df
    else:
        flip = (prior_sd / PRIOR_SD) ** 2 * ASSUMED_FLIP / questions

    prior = PRIOR_DF * (prior_sd**2 + flip)
    pooled = (prior + squares.sum()) / (PRIOR_DF + pooled_df)
    own = (prior + squares) / (PRIOR_DF + counts - 1)
    is_pooled = np.full(len(counts), True) if only_pooled else own <= pooled
    between_seeds = np.where(is_pooled, pooled, own)
    return Spread(
        means=means,
        counts=counts,
        by_questions=by_questions,
        flip=flip,
        beyond_flips=np.maximum(between_seeds - flip, 0.0),
        between_seeds=between_seeds,
        seed_df=np.where(is_pooled, pooled_df, counts - 1.0),
        is_pooled=is_pooled,
        pooled_df=pooled_df,
        contexts=questions**2 / float(np.sum(sizes.astype(np.float64) ** 2)),
        prior_sd=prior_sd,
        sums=mean_sums,
    )
