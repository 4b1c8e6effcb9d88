"""The decision rule against an independent computation of the same formulas, and on scores that a reader can check."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra_racing_sweeper.rule import (
    Rule,
    compare_means,
    compute_level,
    estimate_treatments,
    judge_race,
    split_collapsed,
)

RULE = Rule()
CLEAR = [[90.0, 90.5], [80.0, 80.4], [70.0, 70.2]]


def decide_again(samples: list[list[float]], alive: list[int], rule: Rule) -> tuple[set[int], str | None]:
    """Decide by the formulas of docs/racing.md, written down once more with the libraries of statistics."""
    special = pytest.importorskip("scipy.special", reason="scipy is not installed")
    kept = [[s for s in each if s >= max(each) - rule.collapse] if each else [] for each in samples]
    c = [len(each) for each in kept]
    m = [statistics.fmean(each) if each else float("nan") for each in kept]
    ss = [(len(each) - 1) * statistics.variance(each) if len(each) > 1 else 0.0 for each in kept]
    s0 = (4 * rule.prior_sd**2 + sum(ss)) / (4 + sum(n - 1 for n in c if n))
    df = [4 + n - 1 if n else 4 for n in c]
    v = [(4 * s0 + ss[i]) / df[i] for i in range(len(c))]

    def p(i: int, j: int, margin: float) -> float:
        a, b = v[i] / c[i], v[j] / c[j]
        welch = (a + b) ** 2 / (a * a / df[i] + b * b / df[j])
        return float(special.stdtr(welch, -(m[i] - m[j] - margin) / math.sqrt(a + b)))

    level = rule.alpha / (rule.max_replicates - rule.min_replicates + 1) / (len(alive) - 1)
    dropped = {
        j
        for j in alive
        if c[j] >= 2 and any(i != j and c[i] >= 2 and p(i, j, rule.indifference) <= level for i in alive)
    }
    left = [i for i in alive if i not in dropped]
    if len(left) == 1:
        return dropped, "decided"
    lead = max((i for i in left if c[i]), key=lambda i: m[i], default=None)
    if lead is None or any(c[i] < 2 for i in left):
        return dropped, None
    settled = all(p(lead, j, -rule.indifference) <= level for j in left if j != lead)
    return dropped, "settled" if settled else None


@given(
    st.lists(st.lists(st.floats(60, 90).map(lambda x: round(x, 3)), max_size=6), min_size=2, max_size=8),
    st.sampled_from([RULE, Rule(alpha=0.1, indifference=1.0, max_replicates=8, prior_sd=0.3)]),
    st.data(),
)
def test_the_rule_is_the_documented_one(samples: list[list[float]], rule: Rule, data: st.DataObject) -> None:
    everybody = list(range(len(samples)))
    alive = sorted(data.draw(st.sets(st.sampled_from(everybody), min_size=2)))
    verdict = judge_race(samples, alive, rule)
    dropped, end = decide_again(samples, alive, rule)
    assert set(verdict.dropped) == dropped
    assert verdict.end == end
    assert verdict.leader not in verdict.dropped


def test_who_is_far_behind_leaves_at_the_first_look() -> None:
    verdict = judge_race(CLEAR, [0, 1, 2], RULE)
    assert verdict.leader == 0
    assert verdict.dropped == {1: 0, 2: 0}
    assert verdict.end == "decided"


def test_equal_ones_stay() -> None:
    verdict = judge_race([[80.0, 80.9], [80.3, 80.6]], [0, 1], RULE)
    assert verdict.dropped == {} and verdict.end is None


def test_settled_is_said_of_a_leader_that_none_can_beat_by_more_than_the_margin() -> None:
    close = [[80.9, 81.0, 81.1, 81.0, 81.0], [80.5, 80.6, 80.5, 80.5, 80.6]]
    verdict = judge_race(close, [0, 1], RULE)  # 0.46 apart: less than the margin, so nobody is dropped
    assert verdict.dropped == {} and verdict.end == "settled"


def test_moderated_variance_by_hand() -> None:
    """Two treatments with sums of squares 2 and 0: s0^2 = (4 * 0.36 + 2) / (4 + 2), v = (4 * s0^2 + 2) / 5."""
    first, second = estimate_treatments([[80.0, 82.0], [81.0, 81.0]], RULE)
    shared = 3.44 / 6
    assert (first.mean, first.count, first.df) == (81.0, 2, 5)
    assert first.variance == pytest.approx((4 * shared + 2) / 5)
    assert second.variance == pytest.approx(4 * shared / 5)
    difference = compare_means(first, second)
    a, b = (4 * shared + 2) / 10, 4 * shared / 10
    assert difference.error == pytest.approx(math.sqrt(a + b))
    assert difference.df == pytest.approx((a + b) ** 2 / (a * a / 5 + b * b / 5))


def test_the_level_is_shared_out_over_looks_and_rivals() -> None:
    assert RULE.looks == 4
    assert compute_level(RULE, 3) == pytest.approx(0.05 / 4 / 2)


def test_a_collapsed_run_is_set_aside_also_if_it_came_first() -> None:
    assert split_collapsed([12.0, 80.0, 79.0], 10) == ([80.0, 79.0], [12.0])
    (estimate,) = estimate_treatments([[12.0, 80.0, 79.0]], RULE)
    assert (estimate.count, estimate.collapsed, estimate.mean) == (2, 1, 79.5)


def test_one_run_decides_nothing() -> None:
    verdict = judge_race([[90.0], [10.0, 11.0]], [0, 1], RULE)
    assert verdict.dropped == {} and verdict.end is None
    assert judge_race([[], []], [0, 1], RULE).leader is None
