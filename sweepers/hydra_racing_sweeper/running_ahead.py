"""What a free slot does while the last runs of a round are still on: the next run of who is likely to need one."""

from __future__ import annotations

from hydra_racing_sweeper.budget import find_shortage
from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.race import Race, Wanted
from hydra_racing_sweeper.rule import estimate_treatments, judge_race

MOST = 2  # the two best: a look that does not end the race keeps them


def choose_run_ahead(race: Race, options: RacingSweeperConf) -> Wanted | None:
    """Choose a run of the next round to start before this one has ended.

    Its score does not count before the look of its replicate, so the decisions are the same as without it. If this look
    ends the race, the run was paid in vain. So nothing starts if the scores so far would end it.

    Returns:
        The run, None if there is nothing to start.
    """
    replicate = race.target + 1
    if race.is_rung or replicate > race.rule.max_replicates or race.target < race.rule.min_replicates:
        return None
    samples, racing = race.list_samples(), race.list_racing()
    verdict = judge_race(samples, racing, race.rule)
    if verdict.end is not None:
        return None
    estimates = estimate_treatments(samples, race.rule)
    waiting = {member.treatment for member in race.list_pending()}
    survivors = [index for index in racing if index not in verdict.dropped and estimates[index].count]
    best = sorted(survivors, key=lambda index: -estimates[index].mean)[:MOST]
    begun = {member.treatment for member in race.members if member.replicate == replicate and not member.rung}
    candidates = [index for index in best if index not in begun and index not in waiting]
    if not candidates or find_shortage(race, options, [Wanted(index, replicate) for index in racing]) is not None:
        return None
    return Wanted(candidates[0], replicate)
