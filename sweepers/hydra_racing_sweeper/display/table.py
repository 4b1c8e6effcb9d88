"""The table of a race: how each treatment stands, the best first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.table import Table

from hydra_racing_sweeper.race import Race
from hydra_racing_sweeper.standings import Standing, build_standings

STATES = {
    "racing": "in the race",
    "dropped": "dropped",
    "failed": "failed",
    "best": "best",
    "not_better": "not better",
    "undecided": "undecided",
}


def build_race_table(race: Race) -> Table:
    """Build the table."""
    table = Table(title=describe_state(race), title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("treatment", overflow="fold", min_width=16)
    for name in ("runs", "mean", "behind the best"):
        table.add_column(name, justify="right")
    table.add_column("state", overflow="fold")
    for standing in sort_standings(race):
        table.add_row(
            standing.name,
            format_runs(standing),
            format_interval(standing.mean, standing.high),
            format_interval(standing.behind, standing.behind_high),
            STATES[standing.state] + (f": {standing.reason}" if standing.reason else ""),
        )
    return table


def sort_standings(race: Race) -> Sequence[Standing]:
    """Return the standings, the best mean first and those without a score last."""
    standings = build_standings(race)
    return sorted(standings, key=lambda each: (each.mean is None, -race.sign * (each.mean or 0.0)))


def describe_state(race: Race) -> str:
    """Return in one line how far a race is."""
    runs = len(race.list_members(None, "completed", "failed"))
    if race.end is not None:
        return f"The race has ended after {runs} runs: {race.end.kind}, {race.end.reason}"
    stage = "first stage" if race.is_rung else f"replicate {race.target} of at most {race.rule.max_replicates}"
    return f"The race after {runs} runs, {len(race.list_members(None, 'asked'))} on: {stage}"


def format_runs(standing: Standing) -> str:
    """Return how many runs count, and how many collapsed or failed."""
    more = [
        f"{number} {what}"
        for number, what in ((standing.collapsed, "collapsed"), (standing.failed, "failed"))
        if number
    ]
    return f"{standing.counted}" + (f" + {', '.join(more)}" if more else "")


def format_interval(value: float | None, high: float | None) -> str:
    """Return "83.12 ± 0.72", nothing if there is no value.

    Args:
        value: The middle of the interval.
        high: Its upper end.
    """
    if value is None or high is None:
        return ""
    digits = 2 if abs(high) >= 1 else 4
    return f"{value:.{digits}f} \u00b1 {high - value:.{digits}f}"
