"""The risk-coverage curve by hand: which answers are given at which threshold."""

from __future__ import annotations

import numpy as np
import pytest

from mlqa.metrics.calibration.selective import (
    MOST_POINTS,
    Point,
    choose_point,
    compute_aurc,
    measure_threshold,
    thin_curve,
    trace_curve,
)

CONFIDENCE = np.array([0.2, 0.9, 0.6, 0.6, 0.4])
SCORES = np.array([0.0, 1.0, 1.0, 0.0, 0.5])


def test_the_curve_by_hand() -> None:
    """Equal probabilities are answered together. A threshold is in the middle of two probabilities."""
    curve = trace_curve(CONFIDENCE, SCORES)
    assert [point.threshold for point in curve] == pytest.approx([0.75, 0.5, 0.3, 0.0])
    assert [point.coverage for point in curve] == pytest.approx([0.2, 0.6, 0.8, 1.0])
    assert [point.score for point in curve] == pytest.approx([100, 200 / 3, 62.5, 50])


def test_the_area_is_the_mean_risk() -> None:
    risks = [0, 0, 1 / 3, 1 - 2.5 / 4, 0.5]
    assert compute_aurc(CONFIDENCE, SCORES) == pytest.approx(np.mean(risks))


@pytest.mark.parametrize(("risk", "coverage"), [(0.01, 0.2), (0.34, 0.6), (0.375, 0.8), (0.5, 1.0), (0.99, 1.0)])
def test_the_most_is_answered_that_the_risk_allows(risk: float, coverage: float) -> None:
    point = choose_point(trace_curve(CONFIDENCE, SCORES), risk)
    assert point is not None and point.coverage == pytest.approx(coverage)


def test_nothing_is_sure_enough() -> None:
    curve = trace_curve(np.array([0.9, 0.8]), np.array([0.0, 1.0]))
    assert choose_point(curve, 0.1) is None
    assert measure_threshold(None, CONFIDENCE, SCORES, np.arange(5)) == {"coverage": 0.0, "score": None}


def test_a_threshold_on_other_questions() -> None:
    figures = measure_threshold(0.5, CONFIDENCE, SCORES, np.array([0, 0, 1, 2, 2]))
    assert (figures["coverage"], figures["score"]) == pytest.approx((0.6, 200 / 3))
    low, high = figures["score_ci_low"], figures["score_ci_high"]
    assert low is not None and high is not None and 0 <= low < 200 / 3 < high <= 100


def test_a_long_curve_is_thinned_and_keeps_its_end() -> None:
    random = np.random.default_rng(0)
    curve = trace_curve(random.random(5000), random.random(5000))
    points = [Point(**each) for each in thin_curve(curve)]
    assert len(points) == MOST_POINTS and points[-1] == curve[-1]
    assert [point.coverage for point in points] == pytest.approx(np.linspace(0.01, 1, 100))
    assert len(thin_curve(trace_curve(CONFIDENCE, SCORES))) == 4
