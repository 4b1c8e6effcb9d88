"""Student's t distribution with any positive degrees of freedom, by the standard library alone.

scipy would do, but importing it costs more than a whole race decides.
"""

from __future__ import annotations

import math

_TINY = 1e-300
_PRECISION = 1e-14
_MOST_TERMS = 300


def compute_upper_tail(t: float, df: float) -> float:
    """Return the probability that a t variable exceeds a value.

    Args:
        t: The value.
        df: Degrees of freedom, above 0, not necessarily whole.
    """
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    total = df + t * t
    tail = 0.5 * _compute_incomplete_beta(df / 2, 0.5, df / total, t * t / total)
    return tail if t >= 0 else 1 - tail


def compute_quantile(upper_tail: float, df: float) -> float:
    """Return the value that a t variable exceeds with a given probability.

    Args:
        upper_tail: The probability, above 0 and at most 0.5.
        df: Degrees of freedom, above 0.
    """
    low, high = 0.0, 1.0
    while compute_upper_tail(high, df) > upper_tail:
        low, high = high, 2 * high
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if compute_upper_tail(middle, df) > upper_tail else (low, middle)
    return (low + high) / 2


def _compute_incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).

    Args:
        a: The first parameter.
        b: The second parameter.
        x: The argument, 0 to 1.
        rest: 1 - x, exact if x is close to 1.
    """
    if x <= 0 or rest <= 0:
        return float(rest <= 0)
    if x > (a + 1) / (a + b + 2):  # there the fraction of the mirrored argument converges faster
        return 1 - _compute_incomplete_beta(b, a, rest, x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) - math.log(a)
    return math.exp(log_front + a * math.log(x) + b * math.log(rest)) * _evaluate_fraction(a, b, x)


def _evaluate_fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction by Lentz's method."""
    c, d = 1.0, 1 / _avoid_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _avoid_zero(1 + term * d)
            c = _avoid_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _avoid_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
