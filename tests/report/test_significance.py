"""The bootstrap, Holm's correction and the Pareto front, against computations that share no code with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlqa.report.significance import apply_holm_correction, bootstrap_means, compute_differences

from mlqa.report.pareto import find_pareto_front


def test_holm_of_the_textbook() -> None:
    # Holm 1979: the least of 4 times 4, the next times 3 ...; never falling, at most 1.
    assert apply_holm_correction([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert apply_holm_correction([0.6, 0.5]) == [1.0, 1.0]
    assert apply_holm_correction([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_its_definition_rejects(p_values: list[float]) -> None:
    adjusted = apply_holm_correction(p_values)
    order = np.argsort(p_values, kind="stable")
    rejecting = True
    for rank, index in enumerate(order):  # step down, and stop at the first that is not small enough
        scaled = p_values[index] * (len(p_values) - rank)
        if abs(scaled - 0.05) < 1e-12:
            return
        rejecting = rejecting and scaled < 0.05
        assert (adjusted[index] < 0.05) == rejecting


def test_the_difference_is_that_of_a_loop_over_contexts() -> None:
    """Another generator, contexts drawn one by one, and the means taken by hand."""
    random = np.random.default_rng(7)
    context_of = np.repeat(np.arange(40), random.integers(1, 6, 40))
    easy = random.random(40)[context_of]
    first = (random.random(len(context_of)) < 0.4 + 0.5 * easy).astype(float)
    second = (random.random(len(context_of)) < 0.25 + 0.5 * easy).astype(float)
    found = compute_differences([first[None], second[None]], context_of)[0]

    draws = []
    for _ in range(4000):
        chosen = np.concatenate([np.flatnonzero(context_of == c) for c in random.integers(0, 40, 40)])
        draws.append(100 * (first[chosen].mean() - second[chosen].mean()))
    sample = np.array(draws)
    assert found.mean == pytest.approx(100 * (first.mean() - second.mean()))
    assert found.low == pytest.approx(np.percentile(sample, 2.5), abs=0.9)
    assert found.high == pytest.approx(np.percentile(sample, 97.5), abs=0.9)
    assert found.p == pytest.approx(np.mean(np.abs(sample - found.mean) >= abs(found.mean)), abs=0.02)
    assert found.p_holm == found.p  # one pair


def test_paired_draws_see_what_intervals_side_by_side_do_not() -> None:
    random = np.random.default_rng(1)
    easy = (random.random(600) < 0.5).astype(float)
    better = np.maximum(easy, random.random(600) < 0.05)  # right wherever the other is, and in a few places more
    found = compute_differences([better[None], easy[None]], np.arange(600))[0]
    assert found.is_significant and found.low > 0


def test_no_difference_is_none() -> None:
    rows = np.random.default_rng(0).random((1, 50))
    found = compute_differences([rows, rows.copy()], np.arange(50))[0]
    assert (found.mean, found.low, found.high, found.p, found.is_significant) == (0, 0, 0, 1, False)


def test_few_contexts_that_agree_prove_nothing() -> None:
    """Every draw of them shows the same difference, but a coin falls five times alike once in 16."""
    right, wrong = np.ones((1, 30)), np.zeros((1, 30))
    for contexts, p in ((2, 0.5), (5, 1 / 16), (6, 1 / 32)):
        (found,) = compute_differences([right, wrong], np.arange(30) % contexts, 500)
        assert found.p == pytest.approx(p)


def test_noise_is_seldom_called_significant() -> None:
    """Six equal models, 15 pairs: with the correction, one sweep in twenty may name a difference that is none."""
    random = np.random.default_rng(3)
    false_alarms = 0
    for _ in range(60):
        easy = random.random(200)
        rows = [(random.random(200) < easy)[None].astype(float) for _ in range(6)]
        false_alarms += any(one.is_significant for one in compute_differences(rows, np.arange(200), replicates=4000))
    assert false_alarms <= 8  # expected 3; 9 or more of 60 have a probability under 0.004


def test_seeds_widen_the_interval_as_much_as_their_mean_varies() -> None:
    """Every question has the same score, so that all the spread is that of the seeds: s / sqrt(n)."""
    levels = np.array([0.5, 0.54, 0.61])
    rows = np.repeat(levels[:, None], 30, axis=1)
    drawn = bootstrap_means([rows], np.arange(30))[:, 0]
    assert drawn.mean() == pytest.approx(levels.mean(), abs=1e-3)
    assert drawn.std() == pytest.approx(levels.std(ddof=1) / np.sqrt(3), rel=0.03)


def test_one_context_says_nothing_of_others() -> None:
    assert compute_differences([np.ones((1, 5)), np.zeros((1, 5))], np.zeros(5, dtype=int)) == []


def test_very_many_contexts_are_grouped_and_keep_their_spread() -> None:
    rows = (np.random.default_rng(5).random((1, 9000)) < 0.6).astype(float)
    drawn = bootstrap_means([rows], np.arange(9000), replicates=4000)[:, 0]
    assert drawn.std() == pytest.approx(np.sqrt(rows.var() / 9000), rel=0.06)


POINT = st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float))


@given(st.lists(POINT, max_size=14))
def test_the_front_is_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    def dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
        return a[0] <= b[0] and a[1] >= b[1] and a != b

    expected = [i for i, point in enumerate(points) if not any(dominates(other, point) for other in points)]
    assert sorted(find_pareto_front(points)) == expected
