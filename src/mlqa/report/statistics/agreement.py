"""Check that hardware makes no difference to the score: within how many points two machines agree.

Source: Schuirmann 1987, A comparison of the two one-sided tests procedure and the power approach (equivalence is shown
if the 90 % interval lies within the margin).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlqa.report.statistics.contrasts import compute_contrast, compute_t_quantile
from mlqa.report.statistics.spread import PRIOR_SD, estimate_spread


@dataclass(frozen=True)
class Agreement:
    """Two machines on which the same treatments were trained with the same seeds.

    Attributes:
        runs: Number of runs that both have.
        difference: Mean score on the first minus that on the second, in points.
        within: They agree within this many points: the smallest margin in which the two one-sided tests (5 % each) find
            them equivalent.
        p: Two-sided p-value of the difference being 0.
    """

    runs: int
    difference: float
    within: float
    p: float


def measure_agreement(differences: np.ndarray, context_of: np.ndarray) -> Agreement | None:
    """Measure within how many points two machines agree.

    Args:
        differences: Float [runs, questions], the score (0-100) on the first machine minus that on the second, for each
            treatment and seed that both have.
        context_of: Integer [questions].

    Returns:
        None for fewer than two contexts.
    """
    # A difference of two runs varies twice as much as one.
    spread = estimate_spread([differences], context_of, prior_sd=2**0.5 * PRIOR_SD, only_pooled=True)
    if spread is None:
        return None
    contrast = compute_contrast(spread, [1.0])
    within = abs(contrast.value) + compute_t_quantile(contrast.df, 0.95) * contrast.variance**0.5
    return Agreement(len(differences), contrast.value, within, contrast.p)
