"""The answer in words: the best, the cheapest within a point of it, and the fastest, each with its figures.

An advice claims no more than the data supports.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mlqa.report.comparison import NEAR, Comparison
from mlqa.report.configurations import Configuration
from mlqa.report.evidence import (
    compare_on_unseen,
    describe_difference,
    describe_seed_spread,
    has_disjoint_intervals,
    is_surely_behind,
)
from mlqa.report.wording import (
    MOST_NAMED,
    format_f1_gap,
    format_minutes,
    format_price,
    format_scores,
    join_names,
)

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
    rivals, untested = _find_rivals(comparison)
    hardware_advice = [_recommend_cheapest(comparison), _recommend_fastest(comparison)]
    if is_rehearsal:
        for item in hardware_advice:
            item.is_supported = False
            item.evidence.insert(0, REHEARSED)
    return [_recommend_best(comparison, rivals, untested), *hardware_advice]


def _find_rivals(comparison: Comparison) -> tuple[list[Configuration], list[Configuration]]:
    """Return the rivals that the data cannot tell apart from the best, and those of them with intervals only."""
    best, *others = comparison.configurations
    rivals, untested = [], []
    for other in others:
        difference = comparison.find_difference(best, other)
        if difference is not None:
            if not (difference.is_significant and difference.mean > 0):
                rivals.append(other)
        elif not has_disjoint_intervals(best, other):
            rivals.append(other)
            untested.append(other)
    return rivals, untested


def _recommend_best(comparison: Comparison, rivals: list[Configuration], untested: list[Configuration]) -> Advice:
    best, *others = comparison.configurations
    evidence = [format_scores(best), *(describe_difference(comparison, best, one) for one in others[:MOST_NAMED])]
    if untested:
        reason = comparison.not_by_question or f"only {len(comparison.compared)} were compared question by question"
        evidence.append(
            f"{len(untested)} of the others were judged by whether the intervals overlap, which misses small "
            f"differences: {reason}."
        )
    evidence.append(describe_seed_spread(comparison))
    unseen, ahead = compare_on_unseen(comparison)
    if unseen:
        evidence.append(unseen)
    equal = [other for other in rivals if other.f1 == best.f1]
    if equal and equal == rivals:
        claim = f"{best.name} and {join_names(equal)} have the same F1 ({best.f1:.2f}): choose by price and time."
        return Advice("Best F1", claim, False, evidence)
    if rivals:
        claim = (
            f"{best.name} has the highest F1 ({best.f1:.2f}), but the data cannot tell it apart from "
            f"{join_names(rivals)}: choose among them by price and time."
        )
        return Advice("Best F1", claim, False, evidence)
    worse = "the other is" if len(others) == 1 else f"each of the {len(others)} others is"
    claim = f"{best.name} is the best: F1 {best.f1:.2f}, and {worse} significantly worse."
    if ahead is not None:
        claim += f" But on contexts that are not in train, {ahead.name} is ahead: the lead may be memorised."
    elif any(len(one.seeds) == 1 for one in comparison.configurations):
        claim += " Some configurations have only one seed, so the effect of another seed is not included."
    return Advice("Best F1", claim, ahead is None, evidence)


def _recommend_cheapest(comparison: Comparison) -> Advice:
    question = f"Cheapest within {NEAR:g} point of the best F1"
    best = comparison.configurations[0]
    priced = [one for one in comparison.configurations if one.usd is not None]
    near = [one for one in priced if one.f1 >= best.f1 - NEAR]
    if not near:
        within = f" within {NEAR:g} point of the best" if priced else ""
        claim = f"No configuration{within} has a price. To give this machine one, set hardware.usd_per_hour=..."
        return Advice(question, claim, False)
    choice = min(near, key=_get_usd)
    evidence = [f"{choice.name}: {format_scores(choice)}, {format_price(choice)} per run."]
    is_supported = True
    if choice is best:
        claim = f"{choice.name} is itself the cheapest within {NEAR:g} point: {format_price(choice)} per run."
    else:
        difference = comparison.find_difference(best, choice)
        evidence.append(describe_difference(comparison, best, choice))
        dearer = f" instead of {format_price(best)} for {best.name}" if best.usd is not None else ""
        is_supported = difference is not None and difference.high <= NEAR
        claim = (
            f"{choice.name} costs {format_price(choice)} per run{dearer}, and its F1 is {format_f1_gap(best, choice)}."
        )
        if difference is None:
            claim += f" It is unknown whether the gap stays within {NEAR:g} point on other texts."
        elif not is_supported:
            claim += (
                f" On other texts the gap may reach {difference.high:.2f} points: "
                f"it is not shown to stay within {NEAR:g} point."
            )
    cheaper = [one for one in priced if _get_usd(one) < _get_usd(choice)]
    evidence += [describe_difference(comparison, best, one) for one in cheaper[:MOST_NAMED]]
    doubtful = [one for one in cheaper if not is_surely_behind(comparison, one)]
    if doubtful:
        is_supported = False
        claim += (
            f" {join_names(doubtful)} cost less but scored more than {NEAR:g} point lower. "
            "On other texts the gap may be smaller."
        )
    tied = [one for one in near if one is not choice and _get_usd(one) <= CLEARLY_MORE * _get_usd(choice)]
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


def _get_usd(priced: Configuration) -> float:
    return priced.usd or 0.0


def _recommend_fastest(comparison: Comparison) -> Advice:
    timed = sorted((one for one in comparison.configurations if one.minutes), key=lambda one: one.minutes or 0.0)
    if not timed:
        return Advice("Fastest", "No configuration has a time.", False)
    choice, best = timed[0], comparison.configurations[0]
    minutes = format_minutes(choice)
    evidence = [f"{choice.name}: {minutes} minutes per run, F1 {choice.f1:.2f}."]
    evidence += [f"{one.name}: {format_minutes(one)} minutes." for one in timed[1 : 1 + MOST_NAMED]]
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
    close = [one for one in timed[1:] if (one.minutes or 0.0) < CLEARLY_MORE * (choice.minutes or 0.0)]
    if close:
        claim = (
            f"{choice.name} took {minutes} minutes, and {join_names(close)} less than 5 % more: a tie, "
            f"because the time of a run varies by that much.{gap}"
        )
        return Advice("Fastest", claim, False, evidence)
    slowest = max(choice.all_minutes)
    overlapping = [one for one in timed[1:] if min(one.all_minutes) <= slowest]
    if overlapping:
        claim = (
            f"{choice.name} is the fastest on average: {minutes} minutes per run.{gap} But some runs of "
            f"{join_names(overlapping)} took no longer than its slowest, {slowest:.1f} minutes."
        )
        return Advice("Fastest", claim, False, evidence)
    return Advice("Fastest", f"{choice.name} is the fastest: {minutes} minutes per run.{gap}", True, evidence)
