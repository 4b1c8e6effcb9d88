"""The answer in one sentence: what to choose, how sure that is, and what it costs.

The sentence claims no more than the verdict does. A treatment that ties is never called equal or better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlqa.report.cautions import SAME_PRICE, list_cautions
from mlqa.report.comparison import Comparison
from mlqa.report.race_sentences import describe_undecided, describe_win, find_winner
from mlqa.report.raced import Raced
from mlqa.report.statistics.verdict import Verdict
from mlqa.report.treatments import Configuration, Treatment
from mlqa.report.wording import (
    count_things,
    format_interval,
    format_points,
    format_run_cost,
    join_names,
    join_texts,
)


@dataclass
class Answer:
    """What the report says at the top.

    Attributes:
        sentence: The answer.
        choice: The configuration that it names, None if it names none.
        is_settled: Whether one treatment beats all others, or won a race.
        cautions: What else must be known to act on it, a sentence each.
        tied: Treatments that no other beats. Of a race, those that nothing is claimed against.
    """

    sentence: str
    choice: Configuration | None = None
    is_settled: bool = False
    cautions: list[str] = field(default_factory=list)
    tied: list[Treatment] = field(default_factory=list)


def build_answer(comparison: Comparison, is_rehearsal: bool = False) -> Answer:
    """Build the answer for one data set.

    Args:
        comparison: Its treatments.
        is_rehearsal: Whether the jobs ran on this machine.
    """
    verdict = comparison.verdict
    if comparison.race is not None:
        return _build_race_answer(comparison, comparison.race, is_rehearsal)
    tied = [comparison.compared[index] for index in verdict.tied] if verdict else list(comparison.treatments)
    choice = choose_configuration(comparison, tied)
    treatment = next(one for one in comparison.treatments if choice in one.configurations)
    cost = format_run_cost(choice)
    crash = f". But {choice.describe_unfinished()}" if choice.has_crashed else ""
    if len(comparison.treatments) == 1:
        score = f"{comparison.score_name} {treatment.score:.2f}"
        cheapest = _compare_prices(comparison, choice)
        sentence = (
            f"Only {treatment.name} has a score on {comparison.dataset} ({score}), so there is nothing to compare it "
            f"with{cheapest}{f'; {cost} on {choice.hardware}' if cost else ''}{crash}."
        )
    elif verdict is None:
        best = comparison.treatments[0]
        reason = comparison.not_by_question or "there is no verdict"
        sentence = (
            f"Nothing is settled: {best.name} has the highest {comparison.score_name} ({best.score:.2f}), but "
            f"the treatments could not be compared question by question ({reason})."
        )
        return Answer(sentence, None, False, list_cautions(comparison, best, None, tied, is_rehearsal), [])
    else:
        index = comparison.find_index(treatment)
        assert index is not None  # it ties, so it was compared
        claim = _describe_standing(comparison, verdict, index)
        sentence = f"Choose {choice.name}: {claim}{f'; {cost}' if cost else ''}{crash}."
    settled = verdict is not None and verdict.winner is not None
    cautions = list_cautions(comparison, treatment, choice, tied, is_rehearsal)
    return Answer(sentence, choice, settled, cautions, tied)


def _build_race_answer(comparison: Comparison, race: Raced, is_rehearsal: bool) -> Answer:
    """Build the answer of a race: a winner only if the race names one."""
    tied = race.list_open(comparison.treatments)
    winner = find_winner(comparison, race)
    choice = choose_configuration(comparison, [winner]) if winner else None
    if choice is not None:
        cost = format_run_cost(choice)
        crash = f". But {choice.describe_unfinished()}" if choice.has_crashed else ""
        sentence = f"Choose {choice.name}: {describe_win(comparison, race)}{f'; {cost}' if cost else ''}{crash}."
    else:
        sentence = describe_undecided(comparison, race)
    offers = [winner] if winner else tied
    cautions = list_cautions(comparison, comparison.treatments[0], choice, offers, is_rehearsal)
    return Answer(sentence, choice, winner is not None, cautions, tied)


def choose_configuration(comparison: Comparison, tied: Sequence[Treatment]) -> Configuration:
    """Choose the cheapest configuration of the tied treatments, of about equal prices that of the best score.

    One that lost runs is chosen only if all did. Without any price, the best score counts, and then the least time. A
    model behind an endpoint is chosen only if no trained one ties with it, because their prices are not for the same.
    """
    offers = [one for treatment in tied for one in treatment.configurations]
    offers = [one for one in offers if not one.is_asked] or offers
    whole = [one for one in offers if not one.has_crashed]
    offers = whole or offers
    score_of = {id(one): treatment.score for treatment in tied for one in treatment.configurations}
    priced = [(one, one.usd) for one in offers if one.usd is not None]
    if priced:
        least = min(usd for _, usd in priced)
        near = [one for one, usd in priced if usd <= SAME_PRICE * least]
    else:
        near = offers
    return min(near, key=lambda one: (-score_of[id(one)], one.minutes is None, one.minutes or 0))


def _describe_standing(comparison: Comparison, verdict: Verdict, index: int) -> str:
    """Describe how a treatment of the tie set stands to the others."""
    name = comparison.score_name
    others = [other for other in range(len(comparison.compared)) if other != index]
    differences = {other: verdict.find_difference(index, other) for other in others}
    ties = [other for other in others if other in verdict.tied]
    beaten = [other for other in others if differences[other].is_told_apart]
    rest = [other for other in others if other not in ties and other not in beaten]
    if not ties:
        nearest = min(others, key=lambda other: differences[other].mean)
        ahead = differences[nearest]
        shown = f"{format_points(ahead.mean)} ({format_interval(ahead.low, ahead.high)})"
        farther = [comparison.compared[other].name for other in others if other != nearest]
        more = farther[0] if len(farther) == 1 else count_things(len(farther), "other")
        claim = f"it beats {comparison.compared[nearest].name} by {shown} {name}"
        return f"{claim} and {more} by more" if farther else claim
    parts = []
    if len(ties) == 1:
        (tie,) = ties
        one = differences[tie]
        parts.append(
            f"it ties with {comparison.compared[tie].name} ({name} difference {format_points(one.mean)}, "
            f"95 % interval {format_interval(one.low, one.high)})"
        )
    else:
        behind = verdict.bound_distance(index)
        parts.append(
            f"it ties with {join_names([comparison.compared[tie] for tie in ties])} "
            f"(at most {format_points(behind)} {name} behind the best)"
        )
    shown_beaten = [
        f"{comparison.compared[other].name} by {format_points(differences[other].mean)} "
        f"({format_interval(differences[other].low, differences[other].high)})"
        for other in beaten
    ]
    if shown_beaten:
        parts.append(f"beats {join_texts(shown_beaten, 3)}")
    if rest:
        names = join_names([comparison.compared[other] for other in rest])
        parts.append(f"{names} {'is' if len(rest) == 1 else 'are'} beaten by another of the tied")
    return join_texts(parts)


def _compare_prices(comparison: Comparison, choice: Configuration) -> str:
    others = [one for one in comparison.configurations if one is not choice and one.usd is not None]
    return f". {choice.name} is its cheapest configuration" if others and choice.usd is not None else ""
