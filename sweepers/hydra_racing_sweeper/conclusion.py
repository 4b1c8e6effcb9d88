"""Work out once, when a race has ended, what holds for new questions, and draw the picture of the race."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.new_questions import Generalization, average_items, compare_items
from hydra_racing_sweeper.race import Race
from hydra_racing_sweeper.reporting import read_items
from hydra_racing_sweeper.rule import compare_means, estimate_treatments, split_collapsed


def conclude(race: Race, sweep_dir: Path, options: RacingSweeperConf) -> None:
    """Add to the end of a race what it says of new questions."""
    assert race.end is not None
    race.end.new_questions = [asdict(each) for each in generalize(race, sweep_dir, options)]


def generalize(race: Race, sweep_dir: Path, options: RacingSweeperConf) -> list[Generalization]:
    """Compare the leader with every other treatment on the items that their members report."""
    leader = race.end.leader if race.end is not None else None
    if leader is None:
        return []
    averaged = {}
    for index in range(len(race.treatments)):
        kept, _ = split_collapsed(race.list_scores(index), race.rule.collapse)
        members = [
            member
            for member in race.list_members(index, "completed", rung=False)
            if member.score is not None and race.sign * member.score in kept
        ][: len(kept)]
        runs = [read_items(member, sweep_dir, options) for member in members]
        averaged[index] = average_items(runs) if all(runs) else {}
    estimates = estimate_treatments(race.list_samples(), race.rule)
    count = len(race.treatments)
    found = []
    for index in range(count):
        if index == leader or not averaged[index] or not averaged[leader]:
            continue
        error = compare_means(estimates[leader], estimates[index]).error
        level = race.rule.alpha / max(count * (count - 1), 1)
        signed = {name: (race.sign * score, group) for name, (score, group) in averaged[leader].items()}
        others = {name: (race.sign * score, group) for name, (score, group) in averaged[index].items()}
        compared = compare_items(leader, index, signed, others, error, level)
        if compared is not None:
            found.append(compared)
    return found
