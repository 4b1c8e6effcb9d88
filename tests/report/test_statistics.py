"""The formulas of docs/methodology.md, computed here a second time in plain Python, and what they must not do."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.report.pareto import find_pareto_front
from mlqa.report.statistics.agreement import measure_agreement
from mlqa.report.statistics.contrasts import apply_holm_correction, find_tie_set
from mlqa.report.statistics.forecast import compute_need, compute_smallest_resolved, forecast_decision
from mlqa.report.statistics.interaction import compute_main_effect, find_interaction
from mlqa.report.statistics.spread import estimate_spread
from mlqa.report.statistics.verdict import Verdict, judge_scores


def t_tail(t: float, df: float) -> float:
    """P(|T| > t): Simpson's rule on the density of Student's t."""
    x = np.linspace(0, abs(t), 4001)
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    density = scale * (1 + x * x / df) ** (-(df + 1) / 2)
    inner = 4 * density[1:-1:2].sum() + 2 * density[2:-1:2].sum()
    return float(1 - 2 * (density[0] + inner + density[-1]) * (x[1] - x[0]) / 3)


def t_quantile(df: float, two_sided: float = 0.05) -> float:
    low, high = 0.0, 200.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, df) > two_sided else (low, middle)
    return low


def normal_cdf(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def make_scores(counts: tuple[int, ...], seed: int = 3, contexts: int = 40) -> tuple[list[np.ndarray], np.ndarray]:
    """Scores of treatments with these numbers of seeds, contexts of uneven size in a mixed order."""
    draw = np.random.default_rng(seed)
    sizes = draw.integers(1, 7, contexts)
    context_of = draw.permutation(np.repeat(np.arange(contexts) * 3 + 5, sizes))
    easy = draw.normal(0, 1, len(context_of))
    scores = []
    for number, count in enumerate(counts):
        own = easy + draw.normal(0, 0.5, len(context_of)) + 0.4 * number
        flips = draw.normal(0, 0.4, (count, len(context_of)))
        level = draw.normal(0, 0.1 + 0.3 * (number == 1), (count, 1))
        scores.append(100.0 * ((own + flips + level > 0) * 0.5 + (own + flips + level > 0.6) * 0.5))
    return scores, context_of


class ByHand:
    """Steps 1 to 5 of docs/methodology.md with loops, for lists of lists."""

    def __init__(self, scores: list[np.ndarray], context_of: np.ndarray, s0: float = 0.75) -> None:
        nu0 = 3
        names = sorted(set(context_of.tolist()))
        count, total = len(names), len(context_of)
        rows = {name: [row for row, other in enumerate(context_of.tolist()) if other == name] for name in names}
        size = {name: len(rows[name]) for name in names}
        self.n = [len(seeds) for seeds in scores]
        s = [[{c: sum(seed[row] for row in rows[c]) for c in names} for seed in seeds] for seeds in scores]
        y = [[sum(of.values()) / total for of in seeds] for seeds in s]
        mean = [statistics.fmean(of) for of in y]
        s_mean = [{c: statistics.fmean(seed[c] for seed in seeds) for c in names} for seeds in s]
        r = [{c: (s_mean[m][c] - size[c] * mean[m]) / total for c in names} for m in range(len(scores))]
        g = [[count / (count - 1) * sum(a[c] * b[c] for c in names) for b in r] for a in r]
        squares = [sum((value - mean[m]) ** 2 for value in of) for m, of in enumerate(y)]
        self.nu = sum(of - 1 for of in self.n)
        if self.nu:
            e2 = sum(
                ((seed[c] - s_mean[m][c] - size[c] * (y[m][i] - mean[m])) / total) ** 2
                for m, seeds in enumerate(s)
                for i, seed in enumerate(seeds)
                for c in names
            )
            self.flip = count / (count - 1) * e2 / self.nu
        else:
            self.flip = 500 / total
        prior = nu0 * (s0**2 + self.flip)
        pool = (prior + sum(squares)) / (nu0 + self.nu)
        own = [(prior + squares[m]) / (nu0 + of - 1) for m, of in enumerate(self.n)]
        self.t = [max(pool, each) for each in own]
        self.pooled = [pool >= each for each in own]
        d = [self.nu if pooled else of - 1 for pooled, of in zip(self.pooled, self.n, strict=True)]
        self.tau2 = [max(each - self.flip, 0) for each in self.t]
        self.u = [math.sqrt(d[m] * self.t[m] ** 2 + nu0 * s0**4) / ((nu0 + d[m]) * of) for m, of in enumerate(self.n)]
        self.mean, self.g = mean, g
        self.contexts = total**2 / sum(of**2 for of in size.values())

    def questions(self, i: int, j: int) -> float:
        return self.g[i][i] + self.g[j][j] - 2 * self.g[i][j]

    def seed_error(self, i: int, j: int) -> float:
        both = self.pooled[i] and self.pooled[j]
        return self.u[i] ** 2 + self.u[j] ** 2 + (2 * self.u[i] * self.u[j] if both else 0)

    def variance_and_df(self, i: int, j: int) -> tuple[float, float]:
        q = self.questions(i, j)
        v = q + self.tau2[i] / self.n[i] + self.tau2[j] / self.n[j]
        return v, v**2 / (q**2 / (self.contexts - 1) + self.seed_error(i, j))


@pytest.mark.parametrize("counts", [(3, 3), (2, 3, 5), (1, 2), (1, 1, 1), (4, 4, 1, 2)])
def test_intervals_and_p_values_are_those_of_the_formulas(counts: tuple[int, ...]) -> None:
    scores, context_of = make_scores(counts)
    verdict, hand = judge_scores(scores, context_of), ByHand(scores, context_of)
    assert verdict is not None
    assert verdict.spread.flip == pytest.approx(hand.flip)
    assert verdict.spread.pooled_df == hand.nu
    for one in verdict.differences:
        i, j = one.first, one.second
        variance, df = hand.variance_and_df(i, j)
        mean = hand.mean[i] - hand.mean[j]
        assert one.mean == pytest.approx(mean)
        assert one.contrast.variance == pytest.approx(variance)
        assert one.contrast.df == pytest.approx(df)
        half = t_quantile(df) * math.sqrt(variance)
        assert (one.low, one.high) == (pytest.approx(mean - half, abs=1e-4), pytest.approx(mean + half, abs=1e-4))
        assert one.p == pytest.approx(t_tail(mean / math.sqrt(variance), df), abs=1e-7)
        here = hand.t[i] / hand.n[i] + hand.t[j] / hand.n[j]
        half_here = t_quantile(here**2 / hand.seed_error(i, j)) * math.sqrt(here)
        assert one.high_here - mean == pytest.approx(half_here, rel=1e-4)


def test_both_ways_of_the_seed_variance_were_tried() -> None:
    """One treatment of the data above varies more than the others and takes its own variance."""
    pooled = [ByHand(*make_scores(counts)).pooled for counts in [(2, 3, 5), (4, 4, 1, 2)]]
    assert any(not all(each) for each in pooled) and any(any(each) for each in pooled)


def judge(counts: tuple[int, ...], seed: int = 3) -> tuple[Verdict, ByHand]:
    scores, context_of = make_scores(counts, seed)
    verdict = judge_scores(scores, context_of)
    assert verdict is not None
    return verdict, ByHand(scores, context_of)


@pytest.mark.parametrize(("more", "times"), [(2, 1), (5, 1), (0, 2), (0, 4), (3, 2)])
def test_the_forecast_is_that_of_the_formula(more: int, times: int) -> None:
    verdict, hand = judge((2, 3, 2))
    one = verdict.find_difference(0, 1)
    h, after = 1 / 2 + 1 / 3, 1 / (2 + more) + 1 / (3 + more)
    q, v = hand.questions(0, 1), hand.variance_and_df(0, 1)[0]
    q0 = max(q - hand.flip * h, 0.1 * q)
    q_then = (q0 + hand.flip * after) / times
    v_then = q_then + hand.tau2[0] / (2 + more) + hand.tau2[1] / (3 + more)
    df = v_then**2 / (q_then**2 / (times * hand.contexts - 1) + (v_then - q0 / times) ** 2 / (3 + hand.nu + 2 * more))
    b = (9 + v_then) / (9 + v)
    limit = t_quantile(df, 0.03 / 4) * math.sqrt(v_then)
    centre, sd = b * (hand.mean[0] - hand.mean[1]), math.sqrt(b * (v - v_then))
    expected = 1 - normal_cdf((limit - centre) / sd) + normal_cdf((-limit - centre) / sd)
    assert forecast_decision(verdict.spread, one, 4, more, times) == pytest.approx(expected, abs=1e-6)


def test_more_seeds_of_the_same_are_worth_less_than_the_questions_allow() -> None:
    verdict, _ = judge((2, 2))
    (one,) = verdict.differences
    chances = [forecast_decision(verdict.spread, one, 1, more_seeds=more) for more in (0, 2, 5, 50)]
    assert chances[0] == 0 and chances == sorted(chances) and chances[-1] < 1


def test_what_is_needed_gives_the_power_that_was_asked() -> None:
    """With n seeds, the squared difference over its variance is (z(1 - .03/2/pairs) + z(.8))^2, here of two pairs."""
    scores, context_of = make_scores((3, 3), contexts=60)
    scores[1] = np.minimum(100, scores[1] + 25)
    verdict = judge_scores(scores, context_of)
    assert verdict is not None
    (one,) = verdict.differences
    hand = ByHand(scores, context_of)
    q = hand.questions(0, 1)
    q0 = max(q - hand.flip * 2 / 3, 0.1 * q)
    tau2 = (hand.tau2[0] + hand.tau2[1]) / 2
    n = 2 * (tau2 + hand.flip) / (one.mean**2 / (2.432379 + 0.841621) ** 2 - q0)
    assert normal_cdf(2.432379) == pytest.approx(1 - 0.03 / 4) and normal_cdf(0.841621) == pytest.approx(0.8)
    assert compute_need(verdict.spread, one, 2).seeds == math.ceil(n)
    # z(.975) + z(.8), squared: 7.85
    assert compute_smallest_resolved(verdict.spread, one) == pytest.approx(math.sqrt(7.848879 * q0))


def test_a_difference_of_nothing_is_settled_by_no_number_of_seeds() -> None:
    scores, context_of = make_scores((3,))
    verdict = judge_scores([scores[0], scores[0][::-1]], context_of)
    assert verdict is not None
    need = compute_need(verdict.spread, verdict.differences[0], 1)
    assert need.seeds is None and need.questions is None


def test_machines_agree_within_the_smallest_margin_of_two_one_sided_tests() -> None:
    draw = np.random.default_rng(0)
    context_of = np.repeat(np.arange(30), 4)
    differences = draw.normal(0.3, 20, (6, 120))
    found = measure_agreement(differences, context_of)
    hand = ByHand([differences], context_of, s0=0.75 * math.sqrt(2))
    variance = hand.g[0][0] + hand.tau2[0] / 6
    df = variance**2 / (hand.g[0][0] ** 2 / (hand.contexts - 1) + hand.u[0] ** 2)
    assert found is not None and found.runs == 6
    assert found.difference == pytest.approx(hand.mean[0])
    assert found.within == pytest.approx(abs(hand.mean[0]) + t_quantile(df, 0.10) * math.sqrt(variance), rel=1e-4)
    assert found.p == pytest.approx(t_tail(hand.mean[0] / math.sqrt(variance), df), abs=1e-6)


def make_grid(extra: float) -> tuple[Verdict, np.ndarray]:
    """2 x 3 cells with two seeds: the second row is 8 points better, and the last cell `extra` more."""
    draw = np.random.default_rng(1)
    context_of = np.repeat(np.arange(80), 5)
    base = draw.normal(60, 20, 400)
    scores = []
    for row in range(2):
        for column in range(3):
            level = 8.0 * row + 2.0 * column + extra * (row == 1 and column == 2)
            scores.append(base + level + draw.normal(0, 5, (2, 400)) + draw.normal(0, 0.3, (2, 1)))
    verdict = judge_scores(scores, context_of)
    assert verdict is not None
    return verdict, np.arange(6).reshape(2, 3)


def test_factors_that_add_up_have_main_effects() -> None:
    verdict, cells = make_grid(0.0)
    assert not find_interaction(verdict.spread, cells).is_found
    (rows,) = compute_main_effect(verdict.spread, cells)
    means = verdict.spread.means.reshape(2, 3)
    assert rows.contrast.value == pytest.approx(means[0].mean() - means[1].mean())
    assert rows.contrast.low < -8 < rows.contrast.high
    columns = compute_main_effect(verdict.spread, cells.T)
    assert [(one.first, one.second) for one in columns] == [(0, 1), (0, 2), (1, 2)]
    assert columns[1].contrast.value == pytest.approx(means[:, 0].mean() - means[:, 2].mean())


def test_factors_that_interact_are_found_in_the_right_cell() -> None:
    verdict, cells = make_grid(15.0)
    found = find_interaction(verdict.spread, cells)
    assert found.is_found and 2 in found.columns
    means = verdict.spread.means.reshape(2, 3)
    (a, b), (c, d) = found.rows, found.columns
    assert found.contrast.value == pytest.approx(means[a, c] - means[a, d] - means[b, c] + means[b, d])
    assert found.p_corrected == pytest.approx(min(1.0, 3 * found.contrast.p))  # 2 x 3 cells: three 2 x 2 tables


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


def test_the_tie_set_is_whom_nobody_beats() -> None:
    """Two good ones, one that only the better of them beats, and a bad one."""
    draw = np.random.default_rng(2)
    context_of = np.arange(400)
    base = draw.normal(60, 15, 400)
    levels = (10.0, 9.7, 4.0, -20.0)
    scores = [base + level + draw.normal(0, 12, (3, 400)) for level in levels]
    verdict = judge_scores(scores, context_of)
    assert verdict is not None
    assert set(verdict.tied) == {0, 1} and verdict.winner is None
    assert [(one.first, one.second) for one in verdict.undecided] == [(0, 1)]
    assert find_tie_set(4, []) == [0, 1, 2, 3]
    # Hsu's bound: the largest that any interval says another is ahead, and never less than 0.
    bound = max(0.0, *(verdict.find_difference(other, 1).high for other in (0, 2, 3)))
    assert verdict.bound_distance(1) == pytest.approx(bound)
    turned = verdict.find_difference(3, 0)
    assert (turned.mean, turned.low, turned.high) == pytest.approx(
        (-verdict.find_difference(0, 3).mean, -verdict.find_difference(0, 3).high, -verdict.find_difference(0, 3).low)
    )


def test_the_order_of_treatments_decides_nothing() -> None:
    scores, context_of = make_scores((2, 3, 1))
    verdict, turned = judge_scores(scores, context_of), judge_scores(scores[::-1], context_of)
    assert verdict is not None and turned is not None
    for i, j in ((0, 1), (0, 2), (1, 2)):
        one, other = verdict.find_difference(i, j), turned.find_difference(2 - i, 2 - j)
        assert (one.mean, one.low, one.p_holm) == pytest.approx((other.mean, other.low, other.p_holm))


def test_one_context_says_nothing_of_others() -> None:
    assert judge_scores([np.ones((2, 5)), np.zeros((2, 5))], np.zeros(5, dtype=int)) is None
    assert estimate_spread([np.ones((1, 5))], np.zeros(5, dtype=int)) is None


def test_few_contexts_that_agree_prove_nothing() -> None:
    """Every question shows the same difference, but a coin falls five times alike once in 16."""
    right, wrong = 100 * np.ones((3, 30)), np.zeros((3, 30))
    for contexts, p in ((2, 0.5), (5, 1 / 16), (6, 1 / 32)):
        verdict = judge_scores([right, wrong], np.arange(30) % contexts)
        assert verdict is not None and verdict.differences[0].p == pytest.approx(p)


def test_no_difference_is_none() -> None:
    rows = 100 * np.random.default_rng(0).random((2, 50))
    verdict = judge_scores([rows, rows.copy()], np.arange(50))
    assert verdict is not None
    (one,) = verdict.differences
    assert (one.mean, one.p, one.is_told_apart) == (0, 1, False) and one.low == -one.high


def test_questions_of_a_context_count_once() -> None:
    """The same contexts with each question asked five times are no further evidence."""
    draw = np.random.default_rng(4)
    scores = [100.0 * (draw.random((3, 60)) < share) for share in (0.7, 0.5)]
    once = judge_scores(scores, np.arange(60))
    often = judge_scores([np.repeat(rows, 5, axis=1) for rows in scores], np.repeat(np.arange(60), 5))
    assert once is not None and often is not None
    assert often.differences[0].p == pytest.approx(once.differences[0].p)
    assert often.differences[0].high == pytest.approx(once.differences[0].high)


def test_noise_is_seldom_told_apart() -> None:
    """Six equal treatments, 15 pairs: one sweep in thirty may tell a pair apart. benchmarks/known_truth.py has more."""
    draw = np.random.default_rng(3)
    false = 0
    for _ in range(80):
        easy = draw.random(200)
        verdict = judge_scores([100.0 * (draw.random((2, 200)) < easy) for _ in range(6)], np.arange(200))
        assert verdict is not None
        false += any(one.is_told_apart for one in verdict.differences)
    assert false <= 8  # expected 2.4 at most; 9 or more of 80 at 3 % have a probability under 0.001


POINT = st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float))


@given(st.lists(POINT, max_size=14))
def test_the_front_is_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    def dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
        return a[0] <= b[0] and a[1] >= b[1] and a != b

    expected = [i for i, point in enumerate(points) if not any(dominates(other, point) for other in points)]
    assert sorted(find_pareto_front(points)) == expected
