"""What a race has cost, what its next runs will cost, and whether the budget pays them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.race import Member, Race, Wanted

_UNITS = {"usd": "dollars", "minutes": "minutes"}


@dataclass(frozen=True)
class Cost:
    """The cost of some runs.

    Attributes:
        runs: How many they are.
        usd: Dollars, None if unknown.
        minutes: Minutes of all of them, added up. None if unknown.
    """

    runs: int
    usd: float | None
    minutes: float | None

    def format(self) -> str:
        """Return the cost in words, e.g. "3 runs, about 4.10 USD"."""
        parts = [f"{self.runs} run{'s' * (self.runs != 1)}"]
        if self.usd:
            parts.append(f"about {self.usd:.2f} USD")
        if self.minutes is not None:
            parts.append(f"about {self.minutes:.3g} min")
        return ", ".join(parts)


def sum_spent(race: Race, options: RacingSweeperConf) -> Cost:
    """Return what the members that have ended have cost. One that reports nothing costs what was expected of it."""
    ended = race.list_members(None, "completed", "failed", "lost", "stopped")
    counted = [member for member in ended if member.status != "lost"]
    usd = sum(member.usd if member.usd is not None else options.usd_per_run or 0.0 for member in ended)
    return Cost(len(counted), usd, sum((member.seconds or 0.0) / 60 for member in ended))


def predict_cost(race: Race, options: RacingSweeperConf, runs: Sequence[Wanted | Member]) -> Cost:
    """Predict the cost of runs: each as dear as the dearest so far of its treatment, or else of any treatment."""
    usd = [_predict_run(race, run, "usd", options.usd_per_run) for run in runs]
    minutes = [_predict_run(race, run, "minutes", options.minutes_per_run) for run in runs]
    return Cost(len(runs), _sum_known(usd), _sum_known(minutes))


def find_shortage(race: Race, options: RacingSweeperConf, wanted: Sequence[Wanted]) -> str | None:
    """Return why the budget does not cover some runs besides those that are running, None if it does.

    The first runs of a race start although their cost is unknown, unless `usd_per_run` or `minutes_per_run` tells it.

    Raises:
        RaceError: Members have ended without a report of what the budget counts.
    """
    spent = sum_spent(race, options)
    coming = predict_cost(race, options, [*race.list_members(None, "asked"), *wanted])
    round_cost = predict_cost(race, options, wanted)
    if options.budget_runs is not None and spent.runs + coming.runs > options.budget_runs:
        return (
            f"the next {_count_runs(len(wanted))} would be more than budget_runs={options.budget_runs} after "
            f"{spent.runs + coming.runs - len(wanted)}"
        )
    for unit in _UNITS:
        limit = getattr(options, f"budget_{unit}")
        if limit is None:
            continue
        predicted = getattr(coming, unit)
        if predicted is None:
            if race.list_members(None, "completed"):
                raise RaceError(
                    f"hydra.sweeper.budget_{unit}={limit:g}: members report no {_UNITS[unit]}; set "
                    f"hydra.sweeper.{unit}_per_run=..., or have them report it (hydra.sweeper.{_get_key(unit)})"
                )
            continue
        if getattr(spent, unit) + predicted > limit:
            return (
                f"the next {_count_runs(len(wanted))} would cost about {getattr(round_cost, unit):.3g} {_UNITS[unit]}, "
                f"and {max(limit - getattr(spent, unit), 0.0):.3g} of budget_{unit}={limit:g} are left"
            )
    return None


def is_cost_known(race: Race, options: RacingSweeperConf) -> bool:
    """Return whether the budget can be checked before the next runs start."""
    cost = predict_cost(race, options, [Wanted(0, 1)])
    return not (
        (options.budget_usd is not None and cost.usd is None)
        or (options.budget_minutes is not None and cost.minutes is None)
    )


def _predict_run(race: Race, run: Wanted | Member, unit: str, expected: float | None) -> float | None:
    own = _list_costs(race, unit, run.treatment, run.rung) or _list_costs(race, unit, None, run.rung)
    if own:
        return max(own)
    return None if expected is None else expected * _get_share(race, run.rung)


def _list_costs(race: Race, unit: str, treatment: int | None, rung: bool) -> list[float]:
    """Return what completed runs have cost, those of the other stage in proportion to their length."""
    found = []
    for member in race.list_members(treatment, "completed"):
        value = member.usd if unit == "usd" else None if member.seconds is None else member.seconds / 60
        if value is not None:
            found.append(value * _get_share(race, rung) / _get_share(race, member.rung))
    return found


def _get_share(race: Race, rung: bool) -> float:
    return race.rung_share if rung and race.rung_share is not None else 1.0


def _sum_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _get_key(unit: str) -> str:
    return "usd_key" if unit == "usd" else "seconds_key"


def _count_runs(count: int) -> str:
    return f"{count} runs" if count != 1 else "run"
