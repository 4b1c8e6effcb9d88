"""How the treatments stand: means with intervals that hold although the race looked at them several times."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hydra_racing_sweeper.race import Race
from hydra_racing_sweeper.rule import compare_means, estimate_treatments
from hydra_racing_sweeper.student_t import compute_quantile


@dataclass(frozen=True)
class Standing:
    """How a treatment stands. What cannot be known yet is None.

    Attributes:
        name: The treatment.
        state: racing, dropped, failed, best, not_better or undecided.
        reason: Why it left.
        runs: Runs that have ended, without those that were lost and without the first stage.
        counted: Runs that count.
        collapsed: Runs far below the treatment's best, which are set aside.
        failed: Runs that failed.
        mean: The mean of the runs that count.
        low, high: An interval for the mean. All of them together hold with a probability of 1 - alpha.
        sd: The standard deviation over replicates.
        scattered: Whether that is more than the rule allows for, so that decisions are less certain than alpha says.
        behind: How much worse than the leader the mean is, at least 0.
        behind_low, behind_high: An interval for that. All of them, at all looks, hold with a probability of 1 - alpha.
    """

    name: str
    state: str
    reason: str | None
    runs: int
    counted: int
    collapsed: int
    failed: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    sd: float | None = None
    scattered: bool = False
    behind: float | None = None
    behind_low: float | None = None
    behind_high: float | None = None


def build_standings(race: Race) -> list[Standing]:
    """Return the standing of each treatment, in the order of the treatments.

    The leader's mean is slightly too high, because it leads. The intervals are wide enough for that (README.md).
    """
    estimates = estimate_treatments(race.list_samples(), race.rule)
    leader = find_leader(race)
    count = len(race.treatments)
    tail = race.rule.alpha / 2
    standings = []
    for index, (treatment, estimate) in enumerate(zip(race.treatments, estimates, strict=True)):
        failed = len(race.list_members(index, "failed", rung=False))
        figures: dict[str, float | None] = {}
        if estimate.count:
            half = compute_quantile(tail / count, estimate.df) * math.sqrt(estimate.variance_of_mean)
            mean = race.sign * estimate.mean
            figures |= {"mean": mean, "low": mean - half, "high": mean + half}
            figures["sd"] = None if math.isnan(estimate.sd) else estimate.sd
        if estimate.count and leader is not None and index != leader:
            behind = compare_means(estimates[leader], estimate)
            half = behind.compute_half_width(tail / max(count - 1, 1) / race.rule.looks)
            figures |= {"behind": behind.value, "behind_low": behind.value - half, "behind_high": behind.value + half}
        standings.append(
            Standing(
                treatment.name,
                treatment.state,
                treatment.reason,
                runs=estimate.count + estimate.collapsed + failed,
                counted=estimate.count,
                collapsed=estimate.collapsed,
                failed=failed,
                scattered=estimate.sd > race.rule.widest_sd,  # not with NaN
                **figures,
            )
        )
    return standings


def find_leader(race: Race) -> int | None:
    """Return the treatment with the best mean of those that have not left, None without scores."""
    if race.end is not None:
        return race.end.leader
    estimates = estimate_treatments(race.list_samples(), race.rule)
    scored = [index for index in race.list_racing() if estimates[index].count]
    return max(scored, key=lambda index: estimates[index].mean) if scored else None
