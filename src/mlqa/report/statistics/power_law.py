"""Fit how the error of a model falls with the number of questions that it was trained on.

    error(n) = a * (n / n0) ** -b + c        in points (100 - score), with a, c >= 0 and 0.02 <= b <= 2

n0 is the geometric mean of the sizes, so that a is an error at a size that was measured. c is what no number of
questions of this kind would remove. For each b the best a and c are those of a weighted linear regression, so the fit
tries a fine row of b and has no local minimum to end in. Weights are the numbers of seeds.

Intervals come from 1,000 draws of the mean scores and a fit of each. Their covariance is that of the sweep's spread
(new questions by context, new seeds), drawn as Student's t, because few seeds say little about their own variance. If
the curve misses the means by more than that explains, the seeds' part is enlarged by as much: the draw of the training
questions is the same for all seeds, and only such misses show it.

Sources: Hestness et al. 2017, Deep learning scaling is predictable, empirically (the form). Birge 1932, The calculation
of errors by the method of least squares (enlarging by the misfit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlqa.report.statistics.contrasts import CONFIDENCE
from mlqa.report.statistics.spread import PRIOR_DF, Spread

LEAST_SIZES = 4  # three parameters and one size more
DRAWS = 1000
EXPONENTS = np.geomspace(0.02, 2.0, 80)
LEAST_FLOOR = -30.0  # of the draws: held at 0, they would all lean to one side of a curve that has no floor
_SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PowerLaw:
    """A fitted curve.

    Attributes:
        origin: n0, questions.
        best: [3], a, b and c.
        draws: [draws, 3], a, b and c of each draw.
        misfit: The factor by which the variance between seeds was enlarged, 1 if the curve fits.
    """

    origin: float
    best: np.ndarray
    draws: np.ndarray
    misfit: float

    def predict_score(self, size: float) -> Estimate:
        """Return the score (0-100) after training on so many questions."""
        return _summarize(100 - self._compute_error(self.best, size), 100 - self._compute_error(self.draws, size))

    def predict_gain(self, size: float, more: float) -> Estimate:
        """Return the points that so many more questions give, on top of `size`."""
        values = [
            self._compute_error(parameters, size) - self._compute_error(parameters, size + more)
            for parameters in (self.best, self.draws)
        ]
        return _summarize(values[0], values[1])

    @property
    def exponent(self) -> Estimate:
        """The exponent b: each doubling of the questions divides what can be learned by 2 ** b."""
        return _summarize(self.best[1], self.draws[:, 1])

    @property
    def floor(self) -> Estimate:
        """C: the points that no number of questions would give."""
        return _summarize(self.best[2], np.maximum(self.draws[:, 2], 0.0))

    def _compute_error(self, parameters: np.ndarray, size: float) -> np.ndarray:
        a, b, c = np.moveaxis(parameters, -1, 0)
        return np.asarray(a * (size / self.origin) ** -b + c)


def fit_power_law(sizes: Sequence[float], spread: Spread, indices: Sequence[int]) -> PowerLaw | None:
    """Fit the mean scores of treatments that differ in the size of their train split.

    Args:
        sizes: Questions that each was trained on, distinct.
        spread: Means and covariance of all treatments of the sweep.
        indices: Their places in `spread`.

    Returns:
        None for fewer than `LEAST_SIZES` sizes.
    """
    if len(sizes) < LEAST_SIZES:
        return None
    at = np.asarray(indices)
    counts = spread.counts[at].astype(np.float64)
    errors = 100 - spread.means[at]
    origin = float(np.exp(np.mean(np.log(sizes))))
    relative = np.asarray(sizes, dtype=np.float64) / origin
    best = _fit(relative, errors[None], counts, np.geomspace(EXPONENTS[0], EXPONENTS[-1], 1000), 0.0)[0]
    by_seeds = spread.beyond_flips[at] / counts
    by_questions = spread.by_questions[np.ix_(at, at)]
    misfit = _measure_misfit(relative, errors, counts, best, by_questions + np.diag(by_seeds))
    covariance = by_questions + np.diag(spread.between_seeds[at] / counts * (misfit - 1) + by_seeds)
    random = np.random.default_rng(_SEED)
    df = PRIOR_DF + spread.pooled_df
    normal = random.multivariate_normal(np.zeros(len(at)), covariance, DRAWS, method="eigh")
    drawn = errors + normal * np.sqrt(df / random.chisquare(df, DRAWS))[:, None]
    return PowerLaw(origin, best, _fit(relative, drawn, counts, EXPONENTS, LEAST_FLOOR), misfit)


def _fit(
    relative: np.ndarray, errors: np.ndarray, weights: np.ndarray, exponents: np.ndarray, least_floor: float
) -> np.ndarray:
    """Return a, b and c of each row.

    Args:
        relative: [sizes], the sizes divided by n0.
        errors: [rows, sizes].
        weights: [sizes].
        exponents: The b to try.
        least_floor: The least c.
    """
    weights = weights / weights.sum()
    means = errors @ weights
    parameters = np.zeros((len(errors), 3))
    least = np.full(len(errors), np.inf)
    for b in exponents:
        x = relative**-b
        x_mean = float(x @ weights)
        slope = (errors - means[:, None]) @ (weights * (x - x_mean)) / float(weights @ (x - x_mean) ** 2)
        a = np.maximum(slope, 0.0)
        c = means - a * x_mean
        at_floor = np.maximum((errors - least_floor) @ (weights * x) / float(weights @ x**2), 0.0)
        a, c = np.where(c < least_floor, at_floor, a), np.maximum(c, least_floor)
        squares = (errors - a[:, None] * x - c[:, None]) ** 2 @ weights
        better = squares < least
        least[better] = squares[better]
        parameters[better] = np.stack([a, np.full_like(a, b), c], axis=1)[better]
    return parameters


def _measure_misfit(
    relative: np.ndarray, errors: np.ndarray, weights: np.ndarray, best: np.ndarray, covariance: np.ndarray
) -> float:
    """Return the squared misses divided by those that the covariance lets expect, 1 if they are no larger."""
    a, b, c = best
    x = relative**-b
    jacobian = np.stack([x, -a * np.log(relative) * x, np.ones_like(x)], axis=1)
    if c <= 0:
        jacobian = jacobian[:, :2]
    weighted = jacobian.T * weights
    remover = np.eye(len(x)) - jacobian @ np.linalg.pinv(weighted @ jacobian) @ weighted
    expected = float(np.trace((remover @ covariance @ remover.T) * weights[:, None]))
    squares = float(weights @ (errors - a * x - c) ** 2)
    return max(1.0, squares / expected) if expected > 0 else 1.0


def _summarize(value: np.ndarray | float, draws: np.ndarray) -> Estimate:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return Estimate(float(value), min(float(low), float(value)), max(float(high), float(value)))
