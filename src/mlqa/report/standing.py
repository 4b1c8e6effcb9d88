"""How a treatment stands: its interval and its distance from the best, by the race or else by the verdict."""

from __future__ import annotations

from mlqa.report.comparison import Comparison
from mlqa.report.treatments import Treatment


def find_leader(comparison: Comparison) -> Treatment | None:
    """Return the treatment that the others are compared with, None if nothing was compared."""
    if comparison.race is not None:
        return comparison.treatments[0]
    return comparison.compared[0] if comparison.verdict else None


def estimate_interval(comparison: Comparison, treatment: Treatment) -> tuple[float, float] | None:
    """Return the interval of a treatment's mean score, None if there is none."""
    if comparison.race is not None:
        standing = comparison.race.get_standing(treatment)
        return None if standing.low is None or standing.high is None else (standing.low, standing.high)
    index = comparison.find_index(treatment)
    if comparison.verdict is None or index is None:
        return None
    mean = comparison.verdict.measure_mean(index)
    return mean.low, mean.high


def estimate_difference(comparison: Comparison, treatment: Treatment) -> tuple[float, float, float] | None:
    """Return how far a treatment is ahead of the leader (value, low, high), None for the leader itself."""
    if treatment is find_leader(comparison):
        return None
    if comparison.race is not None:
        one = comparison.race.get_standing(treatment)
        if one.behind is None or one.behind_low is None or one.behind_high is None:
            return None
        return -one.behind, -one.behind_high, -one.behind_low
    index = comparison.find_index(treatment)
    if comparison.verdict is None or index is None:
        return None
    difference = comparison.verdict.find_difference(index, 0)
    return difference.mean, difference.low, difference.high


def describe_standing(comparison: Comparison, treatment: Treatment) -> str:
    """Say how a treatment stands: "best", "ties for the best", "beaten by mbert", or of a race "dropped"."""
    if comparison.race is not None:
        state = comparison.race.get_standing(treatment).state
        return {"best": "won", "not_better": "not better"}.get(state, state)
    verdict, index = comparison.verdict, comparison.find_index(treatment)
    if verdict is None or index is None:
        return "not compared"
    if verdict.winner == index:
        return "best"
    if index in verdict.tied:
        return "ties for the best"
    winners = [one.winner for one in verdict.differences if index in (one.first, one.second) and one.winner is not None]
    names = [comparison.compared[winner].name for winner in dict.fromkeys(winners) if winner != index]
    return f"beaten by {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
