"""The temperature is the best one by closed formulas, by scipy, and where the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import softmax

from mlqa.metrics.calibration.temperature import (
    HIGHEST,
    LOWEST,
    compute_confidence,
    compute_log_loss,
    fit_temperature,
    stack_scores,
)


def test_probabilities_are_the_softmax_of_the_divided_scores() -> None:
    scores = stack_scores([[1.0, 4.0, -2.0], [800.0, -800.0], [3.0]])
    for temperature in (0.3, 1.0, 7.0):
        expected = [softmax(np.array(row) / temperature)[0] for row in ([1.0, 4.0, -2.0], [800.0, -800.0], [3.0])]
        assert compute_confidence(scores, temperature) == pytest.approx(expected)


def test_the_log_loss_is_that_of_a_coin() -> None:
    """p = 3/4 for a difference of ln 3."""
    scores = stack_scores([[math.log(3), 0.0]] * 2)
    loss = -(math.log(3 / 4) + math.log(1 / 4)) / 2
    assert compute_log_loss(scores, np.array([True, False]), 1.0) == pytest.approx(loss)


def test_equal_differences_have_a_closed_solution() -> None:
    """Two candidates with a difference of 2: the best p is the share of right answers, 3/4, so T = 2 / ln 3."""
    scores = stack_scores([[2.0, 0.0]] * 4)
    assert fit_temperature(scores, np.array([True, True, True, False])) == pytest.approx(2 / math.log(3), rel=1e-3)


@pytest.mark.parametrize("truth", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_found(truth: float) -> None:
    random = np.random.default_rng(5)
    scores = -np.sort(-random.normal(0, 4, (20_000, 6)), axis=1)
    correct = random.random(len(scores)) < compute_confidence(scores, truth)
    assert fit_temperature(scores, correct) == pytest.approx(truth, rel=0.05)


def test_without_a_best_one_it_stays_within_limits() -> None:
    scores = stack_scores([[3.0, 1.0, 0.5]] * 5)
    assert LOWEST <= fit_temperature(scores, np.ones(5, bool)) < 0.1
    assert fit_temperature(scores, np.zeros(5, bool)) == pytest.approx(HIGHEST, rel=0.01)
    assert fit_temperature(stack_scores([[3.0], [2.0]]), np.array([True, False])) == 1.0
