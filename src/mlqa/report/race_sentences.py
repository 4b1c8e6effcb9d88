"""What the report says of a race: who won or is undecided, how it was compared, what another round would be."""

from __future__ import annotations

from mlqa.report.comparison import Comparison
from mlqa.report.manifest import FILE as MANIFEST
from mlqa.report.race import RaceRecord
from mlqa.report.raced import Raced
from mlqa.report.standing import estimate_difference
from mlqa.report.treatments import Treatment
from mlqa.report.wording import (
    count_things,
    format_duration,
    format_interval,
    format_points,
    format_usd,
    join_names,
)

MOST_NEW = 3  # pairs of which the report says what holds for new questions


def describe_win(comparison: Comparison, race: Raced) -> str:
    """Say what the race has shown of its winner."""
    score, others = comparison.score_name, comparison.treatments[1:]
    behind = {one.key: found for one in others if (found := estimate_difference(comparison, one)) is not None}
    measured = [one for one in others if one.key in behind]
    nearest = min(measured, key=lambda one: -behind[one.key][0], default=None)
    if race.record.end == "settled":
        shown = f" ({nearest.name}: {_format_behind(behind[nearest.key])})" if nearest else ""
        return f"it won the race: no other is better by more than {race.record.indifference:g} {score}{shown}"
    if nearest is None:
        return "it won the race"
    value, low, high = behind[nearest.key]
    more = f" and of {count_things(len(measured) - 1, 'other')} by more" if len(measured) > 1 else ""
    ahead = f"{format_points(-value)} {score} ({format_interval(-high, -low)})"
    return f"it won the race, ahead of {nearest.name} by {ahead}{more}"


def describe_undecided(comparison: Comparison, race: Raced) -> str:
    """Say who is undecided, and why."""
    survivors = race.list_open(comparison.treatments)
    leader = survivors[0]
    best = f"{leader.name} has the best mean so far ({comparison.score_name} {leader.score:.2f})"
    if race.record.end is None:
        return f"Nothing is decided yet: the race goes on between {join_names(survivors)}. {best}."
    reason = race.put_names(race.record.explanation or "", comparison.treatments)
    ended = f" ({reason})" if reason else ""
    if len(survivors) == 1:
        return f"Nothing is decided: the race ended before it could compare {leader.name}{ended}."
    return f"Nothing is decided: the race leaves {join_names(survivors)} undecided{ended}. {best}."


def describe_method(record: RaceRecord) -> str:
    """Say how the treatments were compared, and what that means for seeds and intervals."""
    times = f"at most {count_things(record.looks, 'look')}, alpha {record.alpha:g} for all together"
    return (
        f"The treatments were compared after each round of a race ({times}): so their seeds may be unequal, "
        "and the intervals are adjusted, so that those of the differences hold for all treatments and looks at once."
    )


def list_race_cautions(comparison: Comparison, race: Raced) -> list[str]:
    """Return what must be known of a race to act on it, a sentence each."""
    record, treatments = race.record, comparison.treatments
    lines = [describe_method(record), _describe_scope(comparison, race)]
    for one in treatments:
        standing = race.get_standing(one)
        if standing.collapsed:
            lines.append(
                f"{one.name}: {count_things(standing.collapsed, 'run')} collapsed, more than {record.collapse:g} "
                "points below its best run, and not averaged in."
            )
        if standing.scattered:
            lines.append(
                f"{one.name}: its seeds scatter by {standing.sd:.1f}, far more than the {record.prior_sd:g} that the "
                "race expected (hydra.sweeper.prior_sd). Its decisions are less certain than alpha says."
            )
    lines += [f"{one.name} left the race: {one.reason}." for one in record.standings if one.state == "failed"]
    return lines


def _describe_scope(comparison: Comparison, race: Raced) -> str:
    scope = "The intervals are about the mean over seeds on these questions."
    found = sorted(race.record.new_questions, key=lambda one: one.difference)[:MOST_NEW]
    if not found:
        return f"{scope} What holds for new questions was not worked out."
    shown = []
    for one in found:
        first, second = (race.name_treatment(comparison.treatments, name) for name in (one.better, one.worse))
        verb = "is better" if one.low > 0 else "is not shown to be better"
        interval = f"{format_points(one.difference)}, {format_interval(one.low, one.high)}"
        shown.append(f"{first} {verb} than {second} ({interval})")
    return f"{scope} For new questions, {', and '.join(shown)}."


def describe_next_steps(comparison: Comparison, race: Raced) -> list[str]:
    """Say what would settle it: by the race's own price of another round, if the budget ended it."""
    record, leader = race.record, comparison.treatments[0]
    launched = (record.directory / MANIFEST).is_file()  # by the SageMaker launcher, which finds running jobs again
    resume = f"{'hydra.launcher.resume' if launched else 'hydra.sweep.dir'}={record.directory}"
    scatters = [each.sd for each in record.standings if each.scattered and each.sd is not None]
    if record.end in ("decided", "settled") and scatters:
        return [
            f"A race with more seeds that expects such a scatter: hydra.sweeper.prior_sd={max(scatters):.2g}, and "
            "hydra.sweeper.max_replicates larger."
        ]
    if record.end == "decided":
        return ["Nothing: the race is decided."]
    if record.end == "settled":
        margin = f"{record.indifference:g} {comparison.score_name}"
        return [f"Nothing more is needed to choose {leader.name}: no other is better by more than {margin}."]
    if record.end is None:
        return [f"The race has not ended. The same command with {resume} goes on with it."]
    lines = []
    if (following := record.next_round) is not None:
        price = [format_usd(following.usd)] if following.usd is not None else []
        price += [format_duration(following.minutes)] if following.minutes is not None else []
        cost = f", {' and '.join(price)} in all" if price else ""
        more = following.separates
        shown = "" if more is None else f" It could show differences of {more:.1f} {comparison.score_name} and more."
        lines.append(f"Another round of the race is {count_things(following.runs, 'run')}{cost}.{shown}")
    if record.is_resumable:
        lines.append(f"With a larger budget the same command goes on if it has {resume}.")
    else:
        lines.append(
            "The level is shared out over the looks, so more seeds are a new race with a larger "
            "hydra.sweeper.max_replicates."
        )
    return lines


def find_winner(comparison: Comparison, race: Raced) -> Treatment | None:
    """Return the treatment that a race names as the winner, None if it names none."""
    return comparison.treatments[0] if race.record.has_winner else None


def _format_behind(difference: tuple[float, float, float]) -> str:
    value, low, high = difference
    return f"{format_points(value)}, {format_interval(low, high)}"
