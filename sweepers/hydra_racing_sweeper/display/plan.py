"""The plan of a race, which a dry run prints: the most runs that it can have, and how many to expect."""

from __future__ import annotations

from rich.console import Console

from hydra_racing_sweeper.budget import Cost
from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.race import RUNG_REPLICATES, Race
from hydra_racing_sweeper.simulation import expect_runs


def count_most_runs(race: Race, options: RacingSweeperConf) -> int:
    """Return the most members that a race can have, if no run is lost."""
    most = len(race.treatments) * (race.rule.max_replicates + (RUNG_REPLICATES if race.is_rung else 0))
    return most if options.budget_runs is None else min(most, options.budget_runs)


def print_plan(race: Race, options: RacingSweeperConf) -> None:
    """Print what a race would run."""
    console = Console(soft_wrap=True, highlight=False)
    count, rule = len(race.treatments), race.rule
    console.print(f"A race of {count} treatments, {rule.min_replicates} to {rule.max_replicates} replicates each:")
    for treatment in race.treatments:
        console.print(f"  {treatment.name}", markup=False)
    if race.replicate_key is not None:
        console.print(f"Replicates: {race.replicate_key}={','.join(race.replicates)}", markup=False)
    most = count_most_runs(race, options)
    console.print(f"At most: {_format_cost(most, options)}.")
    if count > 1:
        gaps = [4 * rule.indifference * factor for factor in (2, 1, 0.5, 0)]
        expected = expect_runs(count, gaps, options)
        console.print(f"Expected, if runs of one treatment scatter by {rule.prior_sd:g}:")
        for gap, runs in zip(gaps, expected, strict=True):
            case = f"one is better than all others by {gap:g}" if gap else "all are equal"
            console.print(f"  {_format_cost(round(runs), options)} if {case}")
    for unit in ("runs", "usd", "minutes"):
        limit = getattr(options, f"budget_{unit}")
        if limit is not None:
            console.print(f"hydra.sweeper.budget_{unit}={limit:g}: a round that does not fit is not started.")


def _format_cost(runs: int, options: RacingSweeperConf) -> str:
    usd = None if options.usd_per_run is None else runs * options.usd_per_run
    minutes = None if options.minutes_per_run is None else runs * options.minutes_per_run
    return Cost(runs, usd, minutes).format()
