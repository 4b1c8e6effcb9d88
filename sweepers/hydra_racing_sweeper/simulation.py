"""Races that cost nothing: the sweeper's own steps, with scores drawn instead of trained.

The plan of a dry run tells by them how many runs to expect, and the benchmarks measure the rule by them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from statistics import fmean

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.options import build_rule
from hydra_racing_sweeper.race import Race, Treatment
from hydra_racing_sweeper.stepping import take_step

# The score of a treatment's replicate (from 1).
Draw = Callable[[int, int], float]


def simulate_race(count: int, draw: Draw, options: RacingSweeperConf) -> Race:
    """Run a race whose members only draw a score.

    Args:
        count: Number of treatments.
        draw: Gives the score of a treatment and a replicate. Always maximized.
        options: The options of the sweeper.
    """
    race = Race(
        rule=build_rule(options),
        direction="maximize",
        replicate_key=None,
        replicates=[""] * options.max_replicates,
        treatments=[Treatment(f"treatment={index}", []) for index in range(count)],
    )
    while wanted := take_step(race, options):
        for run in wanted:
            member = race.add_member(run)
            member.status, member.score = "completed", draw(run.treatment, run.replicate)
    return race


def expect_runs(count: int, gaps: Sequence[float], options: RacingSweeperConf, races: int = 60) -> list[float]:
    """Return the mean number of runs of a race in which one treatment leads and the others are equal.

    Args:
        count: Number of treatments.
        gaps: Its lead, one for each number returned.
        options: The options of the sweeper. Scores scatter by `prior_sd`.
        races: How many races are drawn for each.
    """
    plain = RacingSweeperConf(**{name: getattr(options, name) for name in _OF_THE_RULE})
    expected = []
    for gap in gaps:
        generator = random.Random(0)

        def draw(treatment: int, replicate: int, gap: float = gap, generator: random.Random = generator) -> float:
            return generator.gauss(gap if treatment == 0 else 0.0, options.prior_sd)

        expected.append(fmean(len(simulate_race(count, draw, plain).members) for _ in range(races)))
    return expected


_OF_THE_RULE = (
    "alpha",
    "indifference",
    "min_replicates",
    "max_replicates",
    "collapse",
    "prior_sd",
    "prior_df",
    "budget_runs",
)
