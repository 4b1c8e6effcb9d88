"""ECE and its interval by hand, and by how often the interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from mlqa.metrics.calibration import reliability
from mlqa.metrics.calibration.reliability import bin_answers, compute_ece, estimate_ece

CONFIDENCE = np.array([0.05, 0.06, 0.5, 0.95, 1.0])
CORRECT = np.array([False, True, True, True, False])


def test_bins_and_ece_by_hand() -> None:
    """Width 1/15: (0, 0.067], ..., (0.467, 0.533], ..., (0.933, 1]."""
    bins = bin_answers(CONFIDENCE, CORRECT)
    assert [each.total for each in bins] == [2, 1, 2]
    assert [each.low for each in bins] == pytest.approx([0, 7 / 15, 14 / 15])
    assert [each.confidence for each in bins] == pytest.approx([0.055, 0.5, 0.975])
    assert [each.correct for each in bins] == [0.5, 1.0, 0.5]
    assert compute_ece(CONFIDENCE, CORRECT) == pytest.approx((2 * 0.445 + 0.5 + 2 * 0.475) / 5)


def test_an_edge_belongs_to_the_bin_below() -> None:
    """As in Guo et al.: ((m - 1) / M, m / M]."""
    (only,) = bin_answers(np.array([0.2]), np.array([True]))
    assert (only.low, only.high) == pytest.approx((2 / 15, 3 / 15))
    assert [each.low for each in bin_answers(np.array([0.0]), np.array([False]))] == [0.0]


def test_one_context_has_no_interval() -> None:
    figures = estimate_ece(CONFIDENCE, CORRECT, np.zeros(5, np.int64))
    assert set(figures) == {"ece", "ece_by_chance"}


def test_ece_by_chance_is_that_of_true_probabilities() -> None:
    """One bin of n answers with p = 1/2: the mean |share - 1/2| is about sqrt(1 / (2 pi n))."""
    n = 400
    figures = estimate_ece(np.full(n, 0.5), np.arange(n) % 2 == 0, np.arange(n))
    assert figures["ece"] == pytest.approx(0, abs=1e-9)
    assert figures["ece_by_chance"] == pytest.approx(np.sqrt(1 / (2 * np.pi * n)), rel=0.15)
    assert figures["ece_ci_low"] == 0


@pytest.mark.parametrize("bias", [1.0, 0.5])
def test_the_interval_holds_the_truth(bias: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """120 splits of 600 answers. docs/calibration.md says how often: 86 to 97 %."""
    monkeypatch.setattr(reliability, "REPLICATES", 200)
    monkeypatch.setattr(reliability, "CHANCE_DRAWS", 60)
    random = np.random.default_rng(3)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        confidence = random.beta(3, 1.5, n)
        return confidence, 1 / (1 + (1 / confidence - 1) ** bias)

    confidence, share = draw(1_000_000)
    truth = compute_ece(confidence, share)
    held = 0
    for _ in range(120):
        confidence, share = draw(600)
        figures = estimate_ece(confidence, random.random(600) < share, np.arange(600) // 3)
        held += figures["ece_ci_low"] <= truth <= figures["ece_ci_high"]
    assert held >= 0.82 * 120
