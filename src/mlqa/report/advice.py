"""The answer in words: the best, the cheapest within a point of it, and the fastest, each with its figures.

An advice claims no more than the data supports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

from mlqa.report.comparison import NEAR, Comparison
from mlqa.report.configurations import Configuration
from mlqa.report.evidence import (
    compare_on_unseen,
    compute_interval_gap,
    describe_difference,
    describe_seed_spread,
    is_surely_behind,
)
from mlqa.report.significance import Difference
from mlqa.report.wording import MOST_NAMED, format_price, format_scores, join_names

REHEARSED = (
    "This was a rehearsal: the jobs ran on this machine and nothing was paid. "
    "Minutes and dollars say nothing about the hardware they name."
)
CLEARLY_MORE = 1.05  # repeated runs differ by some per cent in time, and therefore in price


@dataclass
class Advice:
    """An answer to a question.

    Attributes:
        question: What is answered, e.g. "Best F1".
        claim: The answer.
        is_supported: Whether the data supports the claim.
        evidence: The figures to check it by, a sentence each.
    """

    question: str
    claim: str
    is_supported: bool
    evidence: list[str] = field(default_factory=list)


def build_advice(comparison: Comparison, is_rehearsal: bool = False) -> list[Advice]:
    """Build the advice on the best, the cheapest and the fastest configuration.

    Args:
        comparison: The configurations of one data set.
        is_rehearsal: Whether the jobs ran on this machine. Then no claim about price or time is supported.

    Returns:
        Three answers. If there is only one configuration, one answer that says so.
    """
    if len(comparison.configurations) < 2:
        only = comparison.configurations[0]
        claim = f"Only {only.name} has a score on {comparison.dataset}: there is nothing to compare it with."
        return [Advice("Best F1", claim, False, [format_scores(only)])]
    hardware_advice = [_recommend_cheapest(comparison), _recommend_fastest(comparison)]
    for item in hardware_advice if is_rehearsal else ():
        item.is_supported = False
        item.evidence.insert(0, REHEARSED)
    return [_recommend_best(comparison), *hardware_advice]


def _recommend_best(comparison: Comparison) -> Advice:
    best, *others = comparison.configurations
    differences = {other.key: comparison.find_difference(best, other) for other in others}
    rivals = [other for other in others if not _is_worse(best, other, differences[other.key])]
    untested = sum(differences[rival.key] is None for rival in rivals)
    evidence = [format_scores(best), *(describe_difference(comparison, best, one) for one in others[:MOST_NAMED])]
    if untested:
        reason = comparison.not_by_question or f"only {len(comparison.compared)} were compared question by question"
        evidence.append(
            f"{untested} of the others were judged by whether the intervals overlap, which misses small "
            f"differences: {reason}."
        )
    evidence.append(describe_seed_spread(comparison))
    unseen, ahead = compare_on_unseen(comparison)
    if unseen:
        evidence.append(unseen)
    if rivals and all(rival.f1 == best.f1 for rival in rivals):
        claim = f"{join_names([best, *rivals])} have the same F1 ({best.f1:.2f}): choose by price and time."
    elif rivals:
        claim = (
            f"{best.name} has the highest F1 ({best.f1:.2f}), but the data cannot tell it apart from "
            f"{join_names(rivals)}: choose among them by price and time."
        )
    else:
        worse = "the other is" if len(others) == 1 else f"each of the {len(others)} others is"
        claim = f"{best.name} is the best: F1 {best.f1:.2f}, and {worse} significantly worse."
        if ahead is not None:
            claim += f" But on contexts that are not in train, {ahead.name} is ahead: the lead may be memorized."
        elif any(len(one.seeds) == 1 for one in comparison.configurations):
            claim += " Some configurations have only one seed, so the effect of another seed is not included."
    return Advice("Best F1", claim, not rivals and ahead is None, evidence)


def _is_worse(best: Configuration, other: Configuration, difference: Difference | None) -> bool:
    """Return whether the data tells the two apart: by their difference or, if it is unknown, by their intervals."""
    if difference is None:
        return compute_interval_gap(best, other) > 0
    return difference.is_significant and difference.mean > 0


def _recommend_cheapest(comparison: Comparison) -> Advice:
    get_usd = attrgetter("usd")
    question = f"Cheapest within {NEAR:g} point of the best F1"
    best = comparison.configurations[0]
    priced = [one for one in comparison.configurations if one.usd is not None]
    near = [one for one in priced if one.f1 >= best.f1 - NEAR]
    if not near:
        within = f" within {NEAR:g} point of the best" if priced else ""
        claim = f"No configuration{within} has a price. To give this machine one, set hardware.usd_per_hour=..."
        return Advice(question, claim, False)
    choice = min(near, key=get_usd)
    evidence = [f"{choice.name}: {format_scores(choice)}, {format_price(choice)} per run."]
    is_supported = True
    if choice is best:
        claim = f"{choice.name} is itself the cheapest within {NEAR:g} point: {format_price(choice)} per run."
    else:
        difference = comparison.find_difference(best, choice)
        evidence.append(describe_difference(comparison, best, choice))
        dearer = f" instead of {format_price(best)} for {best.name}" if best.usd is not None else ""
        is_supported = difference is not None and difference.high <= NEAR
        gap = f"{best.f1 - choice.f1:.2f} points lower" if best.f1 != choice.f1 else "the same"
        claim = f"{choice.name} costs {format_price(choice)} per run{dearer}, and its F1 is {gap}."
        if difference is None:
            claim += f" It is unknown whether the gap stays within {NEAR:g} point on other texts."
        elif not is_supported:
            claim += (
                f" On other texts the gap may reach {difference.high:.2f} points: "
                f"it is not shown to stay within {NEAR:g} point."
            )
    cheaper = [one for one in priced if get_usd(one) < get_usd(choice)]
    evidence += [describe_difference(comparison, best, one) for one in cheaper[:MOST_NAMED]]
    doubtful = [one for one in cheaper if not is_surely_behind(comparison, one)]
    if doubtful:
        is_supported = False
        claim += (
            f" {join_names(doubtful)} cost less but scored more than {NEAR:g} point lower. "
            "On other texts the gap may be smaller."
        )
    tied = [one for one in near if one is not choice and get_usd(one) <= CLEARLY_MORE * get_usd(choice)]
    if tied:
        is_supported = False
        claim += f" This is a tie with {join_names(tied)}: also within the point, and less than 5 % more expensive."
    unpriced = len(comparison.configurations) - len(priced)
    if unpriced:
        left_out = "configuration has no price and was" if unpriced == 1 else "configurations have no price and were"
        evidence.append(f"{unpriced} {left_out} left out.")
    if any(one.usd_is_estimate for one in near):
        evidence.append("Some prices are estimates: the table marks them with ~.")
    return Advice(question, claim, is_supported, evidence)


def _recommend_fastest(comparison: Comparison) -> Advice:
    get_minutes = attrgetter("minutes")
    timed = sorted((one for one in comparison.configurations if one.minutes), key=get_minutes)
    if not timed:
        return Advice("Fastest", "No configuration has a time.", False)
    choice, *others = timed
    best = comparison.configurations[0]
    evidence = [f"{choice.name}: {choice.minutes:.1f} minutes per run, F1 {choice.f1:.2f}."]
    evidence += [f"{one.name}: {one.minutes:.1f} minutes." for one in others[:MOST_NAMED]]
    gap = ""
    if choice is not best:
        evidence.append(describe_difference(comparison, best, choice))
        loss = best.f1 - choice.f1
        gap = f" Its F1 is {f'{loss:.2f} points below the best' if loss else 'as high as the best'}."
    if len({one.first.get_text("cost", "instance_type") in (None, "local") for one in timed}) > 1:
        evidence.append(
            "The time of a job is what is billed, without the discount of spot. "
            "The time of a run on this machine is from start to end."
        )
    if len({one.settings.get("training.num_train_epochs") for one in timed}) > 1:
        evidence.append("The configurations did not all train for the same number of epochs.")
    close = [one for one in others if get_minutes(one) < CLEARLY_MORE * get_minutes(choice)]
    slowest = max(choice.all_minutes)
    overlapping = [one for one in others if min(one.all_minutes) <= slowest]
    claim = f"{choice.name} is the fastest: {choice.minutes:.1f} minutes per run.{gap}"
    if close:
        claim = (
            f"{choice.name} took the least time: {choice.minutes:.1f} minutes per run.{gap} This is a tie with "
            f"{join_names(close)}: less than 5 % slower, and the time of a run varies by that much."
        )
    elif overlapping:
        claim = (
            f"{choice.name} is the fastest on average: {choice.minutes:.1f} minutes per run.{gap} But some runs of "
            f"{join_names(overlapping)} took no longer than its slowest, {slowest:.1f} minutes."
        )
    return Advice("Fastest", claim, not close and not overlapping, evidence)
