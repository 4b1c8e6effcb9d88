"""The decision rule of a race, as pure functions of scores: who leaves, and whether the race has ended.

Scores are such that more is better. The rule is a moderated Welch t test (Smyth 2004) with an indifference margin. Its
level is shared out evenly over looks and rivals. Races are those of Birattari et al. (2002).
README.md has what it was measured to do.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hydra_racing_sweeper.student_t import compute_quantile, compute_upper_tail


@dataclass(frozen=True)
class Rule:
    """The parameters of the rule. config.py explains each.

    Attributes:
        alpha: Level of all decisions of a race together, per treatment.
        indifference: A difference that does not matter, in units of the score.
        min_replicates: Replicates before the first look.
        max_replicates: Replicates at the last look.
        collapse: A run that far below the best run of its treatment has collapsed.
        prior_sd: Standard deviation over replicates that is expected before any data.
        prior_df: How many degrees of freedom that expectation is worth.
    """

    alpha: float = 0.05
    indifference: float = 0.5
    min_replicates: int = 2
    max_replicates: int = 5
    collapse: float = 10.0
    prior_sd: float = 0.6
    prior_df: float = 4.0

    @property
    def looks(self) -> int:
        """The number of looks, over which the level is shared out."""
        return self.max_replicates - self.min_replicates + 1

    @property
    def widest_sd(self) -> float:
        """The standard deviation over replicates beyond which the rule makes more errors than `alpha` says."""
        return self.prior_sd * 10 / 3


@dataclass(frozen=True)
class Estimate:
    """What is known of one treatment.

    Attributes:
        count: Number of runs that count.
        mean: Their mean, NaN without any.
        variance: The moderated variance over replicates.
        df: The degrees of freedom of the variance.
        collapsed: Number of runs that are set aside.
        sd: The plain standard deviation over replicates, NaN with fewer than two runs.
    """

    count: int
    mean: float
    variance: float
    df: float
    collapsed: int
    sd: float

    @property
    def variance_of_mean(self) -> float:
        """The variance of the mean."""
        return self.variance / self.count


@dataclass(frozen=True)
class Difference:
    """The difference of two means.

    Attributes:
        value: The difference.
        error: Its standard error.
        df: Welch's degrees of freedom.
    """

    value: float
    error: float
    df: float

    def compute_p_value(self, margin: float) -> float:
        """Return the one-sided p-value of the hypothesis that the difference is at most the margin."""
        return compute_upper_tail((self.value - margin) / self.error, self.df)

    def compute_half_width(self, upper_tail: float) -> float:
        """Return half the width of the interval that leaves this probability on each side."""
        return compute_quantile(upper_tail, self.df) * self.error


@dataclass(frozen=True)
class Verdict:
    """What a look decides.

    Attributes:
        leader: The treatment with the highest mean, None before there is a score.
        dropped: {treatment that leaves: the one that it is worse than}.
        end: "decided" if one is left, "settled" if no other is better than the leader by more than the margin, or None.
    """

    leader: int | None
    dropped: dict[int, int]
    end: str | None


def split_collapsed(scores: Sequence[float], collapse: float) -> tuple[list[float], list[float]]:
    """Split the scores of one treatment into those that count and those of collapsed runs.

    Args:
        scores: All scores so far. Later ones may change what an earlier one is.
        collapse: How far below the best run a run has collapsed.
    """
    limit = max(scores, default=0.0) - collapse
    return [score for score in scores if score >= limit], [score for score in scores if score < limit]


def estimate_treatments(samples: Sequence[Sequence[float]], rule: Rule) -> list[Estimate]:
    """Estimate mean and variance of each treatment.

    Each variance is drawn towards the variance that all treatments share, and this one towards the prior.

    Args:
        samples: The scores of each treatment, also of those that have left the race.
        rule: The rule.
    """
    split = [split_collapsed(scores, rule.collapse) for scores in samples]
    means = [math.fsum(kept) / len(kept) if kept else math.nan for kept, _ in split]
    squares = [math.fsum((score - mean) ** 2 for score in kept) for (kept, _), mean in zip(split, means, strict=True)]
    freedom = [max(len(kept) - 1, 0) for kept, _ in split]
    shared = (rule.prior_df * rule.prior_sd**2 + math.fsum(squares)) / (rule.prior_df + sum(freedom))
    return [
        Estimate(
            count=len(kept),
            mean=mean,
            variance=(rule.prior_df * shared + square) / (rule.prior_df + free),
            df=rule.prior_df + free,
            collapsed=len(collapsed),
            sd=math.sqrt(square / free) if free else math.nan,
        )
        for (kept, collapsed), mean, square, free in zip(split, means, squares, freedom, strict=True)
    ]


def compare_means(first: Estimate, second: Estimate) -> Difference:
    """Return the difference of two means, with its standard error and Welch's degrees of freedom."""
    a, b = first.variance_of_mean, second.variance_of_mean
    df = (a + b) ** 2 / (a * a / first.df + b * b / second.df)
    return Difference(first.mean - second.mean, math.sqrt(a + b), df)


def compute_level(rule: Rule, racing: int) -> float:
    """Return the level of a single comparison.

    Args:
        rule: The rule.
        racing: The number of treatments in the race before the look.
    """
    return rule.alpha / rule.looks / max(racing - 1, 1)


def judge_race(samples: Sequence[Sequence[float]], racing: Collection[int], rule: Rule) -> Verdict:
    """Decide who leaves and whether the race has ended. A treatment with fewer than two runs that count stays.

    Args:
        samples: The scores of each treatment, also of those that have left.
        racing: The treatments that are still in the race.
        rule: The rule.
    """
    estimates = estimate_treatments(samples, rule)
    scored = [index for index in racing if estimates[index].count]
    if not scored:
        return Verdict(None, {}, None)
    leader = max(scored, key=lambda index: estimates[index].mean)
    tested = sorted((index for index in scored if estimates[index].count >= 2), key=lambda i: -estimates[i].mean)
    level = compute_level(rule, len(racing))
    dropped: dict[int, int] = {}
    for index in tested:
        for better in tested:
            if estimates[better].mean - estimates[index].mean <= rule.indifference:
                break  # those that follow are closer still
            if compare_means(estimates[better], estimates[index]).compute_p_value(rule.indifference) <= level:
                dropped[index] = better
                break
    left = [index for index in racing if index not in dropped]
    if len(left) == 1:
        return Verdict(leader, dropped, "decided")
    is_settled = all(estimates[index].count >= 2 for index in left) and all(
        compare_means(estimates[leader], estimates[index]).compute_p_value(-rule.indifference) <= level
        for index in left
        if index != leader
    )
    return Verdict(leader, dropped, "settled" if is_settled else None)
