"""Lines that a race prints while it runs and at its end."""

from __future__ import annotations

import logging
from pathlib import Path

from rich.console import Console

from hydra_racing_sweeper.budget import Cost
from hydra_racing_sweeper.display.picture import PICTURE, write_picture
from hydra_racing_sweeper.display.table import build_race_table
from hydra_racing_sweeper.race import Member, Race
from hydra_racing_sweeper.standings import build_standings

log = logging.getLogger("racing_sweeper")


def format_member(race: Race, member: Member) -> str:
    """Return a member's result in one line."""
    name = f"#{member.number} {race.treatments[member.treatment].name}, replicate {member.replicate}"
    if member.rung:
        name += " (short)"
    if member.status == "completed":
        return f"{name}: {'done' if member.score is None else format(member.score, '.4f')}"
    again = " and runs again" if member.status == "lost" else ""
    return f"{name}: {member.status}{again}: {member.reason}"


def report_round(race: Race) -> None:
    """Print the table after a look that has not ended the race, and warn of scores that scatter widely."""
    _print(race)
    _warn_of_scatter(race)


def report_end(race: Race, sweep_dir: Path) -> None:
    """Print the table, write the picture, say what was found, and warn of scores that scatter widely."""
    _print(race)
    for line in describe_end(race):
        log.info(line)
    _warn_of_scatter(race)
    write_picture(sweep_dir / PICTURE, race)
    log.info("the picture of the race: %s", sweep_dir / PICTURE)


def describe_scatter(race: Race) -> list[str]:
    """Return a sentence for each treatment whose runs scatter more widely than the rule allows for."""
    return [
        f"{each.name}: its runs scatter by {each.sd:.2g}, far more than hydra.sweeper.prior_sd={race.rule.prior_sd:g}; "
        "decisions are less certain than alpha says"
        for each in build_standings(race)
        if each.scattered
    ]


def _warn_of_scatter(race: Race) -> None:
    for line in describe_scatter(race):
        log.warning("%s", line)


def describe_end(race: Race) -> list[str]:
    """Return what a race has found, in sentences."""
    if race.end is None:
        return []
    end, margin = race.end, f"{race.rule.indifference:g}"
    leader = None if end.leader is None else race.treatments[end.leader].name
    confidence = f"{100 * (1 - race.rule.alpha):g} %"
    lines = []
    if end.kind == "decided":
        lines.append(f"decided: {leader} is best; each that was dropped is worse by more than {margin} ({confidence})")
    elif end.kind == "settled":
        lines.append(
            f"settled: no other is better than {leader} by more than {margin} ({confidence}); others may be as good"
        )
    else:
        undecided = [index for index, each in enumerate(race.treatments) if each.state == "undecided"]
        best = "there is no score" if leader is None else f"{leader} has the best mean so far"
        lines.append(f"undecided between {race.name_all(undecided)}: {end.reason}; {best}")
        if end.next_round is not None:
            following = end.next_round
            cost = Cost(following["runs"], following["usd"], following["minutes"]).format()
            more = following["separates"]
            shown = "" if more is None else f"; it could show differences of {more:.2g} and more"
            lines.append(f"another round would be {cost}{shown}")
    lines.append("this is about the mean over replicates on this test set")
    for each in end.new_questions:
        names = race.treatments[each["better"]].name, race.treatments[each["worse"]].name
        interval = f"{each['difference']:.2f} ({each['low']:.2f} to {each['high']:.2f}), {each['items']} items"
        found = "is better" if each["low"] > 0 else "is not shown to be better"
        lines.append(f"for new questions, {names[0]} {found} than {names[1]}: {interval}")
    return lines


def _print(race: Race) -> None:
    Console(stderr=True).print(build_race_table(race))
