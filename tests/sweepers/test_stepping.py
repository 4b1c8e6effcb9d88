"""The steps of a race: rounds, failures, lost runs, the first stage and the budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.options import build_rule
from hydra_racing_sweeper.race import Race, Treatment, Wanted
from hydra_racing_sweeper.stepping import take_step

Reports = Mapping[tuple[int, int], Any]


def make_race(count: int, options: RacingSweeperConf) -> Race:
    return Race(
        rule=build_rule(options),
        direction=options.direction,
        replicate_key="seed",
        replicates=[str(number) for number in range(1, options.max_replicates + 1)],
        treatments=[Treatment(f"m={name}", [f"m={name}"], rung_override="e=1") for name in "abcdefgh"[:count]],
        rung_share=None if options.rung_key is None else options.rung_share,
        rung_margin=options.rung_margin,
    )


def tell(race: Race, wanted: list[Wanted], reports: Reports, **more: float) -> None:
    """Run the wanted members: a report is a score, or an exception's text for a failure. Default: 80."""
    for run in wanted:
        member = race.add_member(run)
        report = reports.get((run.treatment, run.replicate), 80.0)
        if isinstance(report, str):
            member.status, member.reason = ("lost" if report == "spot" else "failed"), report
        else:
            member.status, member.score = "completed", report
        for name, value in more.items():
            setattr(member, name, value)


def drive(race: Race, options: RacingSweeperConf, reports: Reports, **more: float) -> list[list[tuple[int, int]]]:
    """Run a race to its end, and return the treatments and replicates of each round."""
    rounds = []
    while wanted := take_step(race, options):
        rounds.append([(run.treatment, run.replicate) for run in wanted])
        tell(race, wanted, reports, **more)
    return rounds


def test_the_first_rounds_go_together_and_then_one_replicate_of_whoever_is_left() -> None:
    options = RacingSweeperConf()
    race = make_race(3, options)
    scores = {(2, replicate): 60.0 for replicate in (1, 2)} | {(1, r): 80.3 for r in range(1, 6)}
    rounds = drive(race, options, scores)
    assert rounds[0] == [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2)]
    assert rounds[1:] == [[(0, r), (1, r)] for r in range(3, 3 + len(rounds) - 1)]
    assert race.treatments[2].state == "dropped"
    assert race.treatments[2].left_after == 2
    assert race.members[0].overrides == ["m=a", "seed=1"]
    assert race.members[5].overrides == ["m=c", "seed=2"]


def test_a_tie_ends_with_nobody_named() -> None:
    options = RacingSweeperConf()
    race = make_race(2, options)
    scores = {(i, r): 80 + (i + r) % 2 for i in (0, 1) for r in range(1, 6)}
    drive(race, options, scores)
    assert race.end is not None and race.end.kind == "budget"
    assert [each.state for each in race.treatments] == ["undecided", "undecided"]
    assert race.end.next_round is not None and race.end.next_round["runs"] == 2
    assert race.end.next_round["separates"] > 0.5


def test_minimize() -> None:
    options = RacingSweeperConf(direction="minimize")
    race = make_race(2, options)
    drive(race, options, {(0, 1): 3.0, (0, 2): 3.1, (1, 1): 20.0, (1, 2): 20.2})
    assert race.end is not None and (race.end.kind, race.end.leader) == ("decided", 0)


def test_a_treatment_that_fails_leaves_named() -> None:
    options = RacingSweeperConf()
    race = make_race(3, options)
    rounds = drive(race, options, {(1, 1): "OutOfMemoryError: 16 GiB", (1, 2): "OutOfMemoryError: 16 GiB"})
    failed = race.treatments[1]
    assert (failed.state, failed.reason) == ("failed", "OutOfMemoryError: 16 GiB")
    assert all(treatment != 1 for each in rounds[1:] for treatment, _ in each)


def test_one_crash_among_completed_runs_counts_as_a_collapse() -> None:
    options = RacingSweeperConf(max_replicates=3)
    race = make_race(2, options)
    drive(race, options, {(1, 2): "ValueError: nan"})
    assert race.treatments[1].state != "failed"
    assert race.list_scores(1) == [80.0, 80.0]


def test_all_fail() -> None:
    options = RacingSweeperConf()
    race = make_race(2, options)
    reports = {(i, r): "ImportError: no such model" for i in (0, 1) for r in (1, 2)}
    with pytest.raises(RaceError, match="m=a: failed, as did every other: ImportError"):
        drive(race, options, reports)


def test_a_lost_run_is_repeated_and_not_for_ever() -> None:
    options = RacingSweeperConf(retries=1)
    race = make_race(2, options)
    tell(race, take_step(race, options), {(0, 1): "spot"})
    wanted = take_step(race, options)
    assert wanted == [Wanted(0, 1)]
    tell(race, wanted, {(0, 1): "spot"})
    with pytest.raises(RaceError, match="replicate 1 was lost 2 times, last because of: spot"):
        take_step(race, options)
    race.resumed_at = len(race.members)  # who comes back later tries again
    assert take_step(race, options) == [Wanted(0, 1)]


def test_the_last_one_in_the_race_has_won() -> None:
    options = RacingSweeperConf()
    race = make_race(2, options)
    rounds = drive(race, options, {(0, 1): "no", (0, 2): "no"})
    assert len(rounds) == 1
    assert race.end is not None and (race.end.kind, race.end.leader) == ("decided", 1)
    assert [each.state for each in race.treatments] == ["failed", "best"]


# --- the first stage


def test_the_first_stage_drops_who_is_far_behind_both_times() -> None:
    options = RacingSweeperConf(rung_key="e", rung_margin=5.0, max_replicates=2)
    race = make_race(3, options)
    wanted = take_step(race, options)
    assert wanted == [Wanted(i, r, rung=True) for r in (1, 2) for i in (0, 1, 2)]
    tell(race, wanted, {(1, 1): 74.9, (1, 2): 74.0, (2, 1): 60.0, (2, 2): 75.5})
    assert race.members[0].overrides == ["m=a", "seed=1", "e=1"]
    following = take_step(race, options)
    assert race.treatments[1].state == "dropped"
    assert following == [Wanted(i, r) for r in (1, 2) for i in (0, 2)]
    assert race.list_scores(0) == []  # short runs decide nothing later


# --- the budget


def test_budget_in_runs_starts_no_round_that_it_cannot_pay() -> None:
    options = RacingSweeperConf(budget_runs=9)
    race = make_race(3, options)
    drive(race, options, {(i, r): 80 + (i + r) % 3 for i in range(3) for r in range(1, 6)})
    assert len(race.members) == 9
    assert race.end is not None and race.end.resumable
    assert "budget_runs=9" in race.end.reason


def test_a_budget_that_pays_not_even_the_first_round_is_refused() -> None:
    options = RacingSweeperConf(budget_runs=5)
    with pytest.raises(RaceError, match="the next 6 runs would be more than budget_runs=5"):
        take_step(make_race(3, options), options)


def test_budget_in_dollars_learns_from_the_first_round() -> None:
    """Four dollars a round of two, five rounds: the third would be the one that 10 dollars do not pay."""
    options = RacingSweeperConf(budget_usd=10)
    race = make_race(2, options)
    rounds = drive(race, options, {(i, r): 80 + (i + r) % 2 for i in (0, 1) for r in range(1, 6)}, usd=2.0)
    assert rounds == [[(0, 1), (1, 1)], [(0, 2), (1, 2)]]
    assert race.end is not None and race.end.next_round is not None
    assert race.end.next_round["usd"] == pytest.approx(4.0)
    assert "cost about 4 dollars, and 2 of budget_usd=10 are left" in race.end.reason


def test_an_expected_price_lets_the_first_rounds_go_together() -> None:
    options = RacingSweeperConf(budget_usd=10, usd_per_run=2.0)
    assert len(take_step(make_race(2, options), options)) == 4
    options = RacingSweeperConf(budget_usd=7, usd_per_run=2.0)
    with pytest.raises(RaceError, match="budget_usd=7"):
        take_step(make_race(2, options), options)


def test_dollars_that_nobody_reports() -> None:
    options = RacingSweeperConf(budget_usd=10)
    race = make_race(2, options)
    tell(race, take_step(race, options), {})
    with pytest.raises(RaceError, match=r"budget_usd=10: members report no dollars; set hydra.sweeper.usd_per_run"):
        take_step(race, options)


def test_minutes_are_those_of_all_members_and_short_runs_predict_long_ones() -> None:
    options = RacingSweeperConf(budget_minutes=20, rung_key="e", rung_share=0.5, max_replicates=2)
    race = make_race(2, options)
    tell(race, take_step(race, options), {}, seconds=60.0)
    tell(race, take_step(race, options), {}, seconds=120.0)  # 4 minutes + 4 x 2 predicted
    assert take_step(race, options) == []
    assert race.end is not None and race.end.reason == "max_replicates=2 is reached"
    poor = make_race(2, RacingSweeperConf(budget_minutes=11, rung_key="e", rung_share=0.5))
    options.budget_minutes = 11
    tell(poor, take_step(poor, options), {}, seconds=60.0)
    assert take_step(poor, options) == []
    assert poor.end is not None and "8 minutes, and 7 of budget_minutes=11" in poor.end.reason
