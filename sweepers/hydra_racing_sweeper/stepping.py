"""One step of a race after the other: judge a round that is complete, and say which runs come next."""

from __future__ import annotations

from typing import Any

from hydra_racing_sweeper.budget import find_shortage, is_cost_known, predict_cost
from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.race import RUNG_REPLICATES, End, Look, Race, Wanted
from hydra_racing_sweeper.rule import compare_means, compute_level, estimate_treatments, judge_race


def take_step(race: Race, options: RacingSweeperConf) -> list[Wanted]:
    """Go on as far as possible without new results.

    Returns:
        The runs that come next. Nothing if members of the round are still running, or if the race has ended, which
        `race.end` then says.

    Raises:
        RaceError: No treatment is left, runs were lost too often, or the budget pays not even the first round.
    """
    if not race.is_rung and race.target == 0:
        race.target = choose_first_target(race, options)
    while race.end is None:
        missing = race.list_missing()
        if missing:
            _check_attempts(race, missing, options)
            shortage = find_shortage(race, options, missing)
            if shortage is None:
                return missing
            if not race.members:
                raise RaceError(f"hydra.sweeper: {shortage}; raise the budget or compare less")
            end_race(race, "budget", shortage, options, is_resumable=True)
        elif race.list_pending():  # those that ran ahead of the round before
            break
        else:
            judge_round(race, options)
    return []


def choose_first_target(race: Race, options: RacingSweeperConf) -> int:
    """Return how many replicates the first round has: one to learn what a run costs if a budget depends on it."""
    return race.rule.min_replicates if is_cost_known(race, options) else 1


def judge_round(race: Race, options: RacingSweeperConf) -> None:
    """Judge a round whose runs have all ended, and set the target of the next."""
    remove_failed(race)
    if race.is_rung:
        drop_after_rung(race)
        race.target = choose_first_target(race, options)
        if len(race.list_racing()) == 1:
            end_race(race, "decided", "one treatment is left after the first stage", options)
        return
    racing = race.list_racing()
    if len(racing) == 1 and (len(race.treatments) > 1 or race.target >= race.rule.min_replicates):
        end_race(race, "decided", "one treatment is left", options)
        return
    if race.target >= max(race.rule.min_replicates, 2):
        apply_look(race, options)
    if race.end is None and race.target >= race.rule.max_replicates:
        end_race(race, "budget", f"max_replicates={race.rule.max_replicates} is reached", options)
    if race.end is None:
        race.target += 1


def remove_failed(race: Race) -> None:
    """Remove the treatments more of whose runs failed than completed.

    Raises:
        RaceError: None is left.
    """
    for index in race.list_racing():
        failed = race.list_members(index, "failed", rung=race.is_rung)
        if len(failed) > len(race.list_members(index, "completed", rung=race.is_rung)):
            treatment = race.treatments[index]
            treatment.state, treatment.reason = "failed", failed[-1].reason
            treatment.left_after = RUNG_REPLICATES if race.is_rung else race.target
    if not race.list_racing():
        failed_ones = [treatment for treatment in race.treatments if treatment.state == "failed"]
        raise RaceError(
            [f"{treatment.name}: failed, as did every other: {treatment.reason}" for treatment in failed_ones]
        )


def drop_after_rung(race: Race) -> None:
    """Drop who was too far behind the best in both short runs."""
    racing = race.list_racing()
    scores = {index: race.list_scores(index, rung=True) for index in racing}
    whole = {index: each for index, each in scores.items() if len(each) == RUNG_REPLICATES}
    if not whole:
        return
    best = [max(each[run] for each in whole.values()) for run in range(RUNG_REPLICATES)]
    leader = max(whole, key=lambda index: sum(whole[index]))
    for index, each in whole.items():
        behind = [best[run] - each[run] for run in range(RUNG_REPLICATES)]
        if index != leader and min(behind) > race.rung_margin:
            treatment = race.treatments[index]
            treatment.state, treatment.left_after = "dropped", 0
            treatment.reason = f"{min(behind):.1f} or more behind the best in both short runs"


def apply_look(race: Race, options: RacingSweeperConf) -> None:
    """Drop who is worse than another beyond chance, and end the race if nothing is left to decide."""
    racing = race.list_racing()
    verdict = judge_race(race.list_samples(), racing, race.rule)
    race.looks.append(Look(race.target, verdict.leader, [[index, by] for index, by in verdict.dropped.items()]))
    estimates = estimate_treatments(race.list_samples(), race.rule)
    for index, by in verdict.dropped.items():
        behind = compare_means(estimates[by], estimates[index]).value
        treatment = race.treatments[index]
        treatment.state, treatment.left_after = "dropped", race.target
        treatment.reason = f"{behind:.2f} worse than {race.treatments[by].name}"
    if verdict.end == "decided":
        end_race(race, "decided", "all others are worse beyond chance", options)
    elif verdict.end == "settled":
        margin = race.rule.indifference
        end_race(race, "settled", f"no other is better by more than {margin:g}", options)


def end_race(race: Race, kind: str, reason: str, options: RacingSweeperConf, is_resumable: bool = False) -> None:
    """End the race, and say what became of those that are left."""
    racing = race.list_racing()
    estimates = estimate_treatments(race.list_samples(), race.rule)
    scored = [index for index in racing if estimates[index].count]
    leader = max(scored, key=lambda index: estimates[index].mean) if scored else None
    next_round = describe_next_round(race, options) if kind == "budget" else None
    for index in racing:
        last = "undecided" if kind == "budget" else "best" if index == leader or len(racing) == 1 else "not_better"
        race.treatments[index].state = last
    race.end = End(kind, leader, reason, is_resumable, next_round)


def describe_next_round(race: Race, options: RacingSweeperConf) -> dict[str, Any] | None:
    """Describe the round that the budget does not pay: its cost, and which difference to the leader it would separate.

    Returns:
        Runs, dollars, minutes and the difference. Standard deviations are taken to stay what they are.
    """
    racing = race.list_racing()
    wanted = race.list_missing() or [Wanted(index, race.target + 1) for index in racing]
    cost = predict_cost(race, options, wanted)
    samples = race.list_samples()
    estimates = estimate_treatments(samples, race.rule)
    tested = sorted((i for i in racing if estimates[i].count >= 1), key=lambda i: -estimates[i].mean)
    separates = None
    if len(tested) >= 2:
        first, second = estimates[tested[0]], estimates[tested[1]]
        now = compare_means(first, second)
        more = (first.count + second.count) / (first.count + second.count + 2)
        level = compute_level(race.rule, len(racing))
        separates = race.rule.indifference + now.compute_half_width(level) * more**0.5
    return {"runs": cost.runs, "usd": cost.usd, "minutes": cost.minutes, "separates": separates}


def _check_attempts(race: Race, wanted: list[Wanted], options: RacingSweeperConf) -> None:
    """Refuse a run that was lost too often since the race was started or resumed."""
    for run in wanted:
        if race.count_attempts(run) > options.retries:
            lost = race.list_members(run.treatment, "lost", rung=run.rung)[-1]
            raise RaceError(
                f"{race.treatments[run.treatment].name}: replicate {run.replicate} was lost "
                f"{race.count_attempts(run)} times, last because of: {lost.reason}; to go on with the race later, give "
                "the same command with its directory as hydra.sweep.dir"
            )
