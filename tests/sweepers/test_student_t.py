"""Student's t distribution against its closed forms and against printed tables."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hydra_racing_sweeper.student_t import compute_quantile, compute_upper_tail

VALUES = st.floats(-50, 50)


@given(VALUES)
@example(1e-08)
def test_one_degree_of_freedom_is_cauchys(t: float) -> None:
    assert compute_upper_tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi, rel=1e-9, abs=1e-13)


@given(VALUES)
def test_two_and_four_degrees_of_freedom(t: float) -> None:
    assert compute_upper_tail(t, 2) == pytest.approx(0.5 - t / (2 * math.sqrt(2 + t * t)), rel=1e-6, abs=1e-13)
    x = t / math.sqrt(4 + t * t)
    assert compute_upper_tail(t, 4) == pytest.approx(0.5 - (3 * x - x**3) / 4, rel=1e-5, abs=1e-13)


# Fisher and Yates, Statistical Tables, the two-sided 5 % and 0.1 % points.
@pytest.mark.parametrize(
    ("df", "five_percent", "one_in_a_thousand"),
    [(1, 12.706, 636.619), (3, 3.182, 12.924), (5, 2.571, 6.869), (10, 2.228, 4.587), (30, 2.042, 3.646)],
)
def test_quantiles_of_the_printed_table(df: int, five_percent: float, one_in_a_thousand: float) -> None:
    assert compute_quantile(0.025, df) == pytest.approx(five_percent, abs=6e-4)
    assert compute_quantile(0.0005, df) == pytest.approx(one_in_a_thousand, abs=6e-4)


@given(st.floats(-30, 30), st.floats(0.5, 80))
@example(5.960464477539063e-08, 5.0)
def test_fractional_degrees_of_freedom_as_scipy_has_them(t: float, df: float) -> None:
    special = pytest.importorskip("scipy.special", reason="scipy is not installed")
    assert compute_upper_tail(t, df) == pytest.approx(special.stdtr(df, -t), rel=1e-9, abs=1e-15)


def test_many_degrees_of_freedom_are_normal() -> None:
    assert compute_upper_tail(1.959964, 1e7) == pytest.approx(0.025, abs=1e-6)
    assert compute_upper_tail(math.inf, 3) == 0
    assert compute_upper_tail(-math.inf, 3) == 1
