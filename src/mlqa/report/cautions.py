"""What must be known to act on the answer: a rehearsal, flags, crashes, seeds, a leak, hardware that matters."""

from __future__ import annotations

from collections.abc import Sequence

from mlqa.report.comparison import Comparison
from mlqa.report.flags import ASKED_PRICE, CONTAMINATION, list_flags
from mlqa.report.race_sentences import list_race_cautions
from mlqa.report.treatments import Configuration, Treatment
from mlqa.report.wording import (
    count_things,
    format_difference,
    format_duration,
    format_points,
    format_price,
    join_names,
)

REHEARSED = (
    "This was a rehearsal: the jobs ran on this machine and nothing was paid. "
    "Minutes and dollars say nothing about the hardware they name."
)
SAME_PRICE = 1.05  # repeated runs differ by some per cent in time, and therefore in price


def list_cautions(
    comparison: Comparison,
    treatment: Treatment,
    choice: Configuration | None,
    tied: Sequence[Treatment],
    is_rehearsal: bool,
) -> list[str]:
    """Return what else a reader must know to act on the answer, the gravest first.

    Args:
        comparison: The treatments of one data set.
        treatment: The one that the answer names.
        choice: The configuration that it names, None if it names none.
        tied: The treatments that the choice was made among.
        is_rehearsal: Whether the jobs ran on this machine.

    Returns:
        A sentence each.
    """
    cautions = [REHEARSED] if is_rehearsal else []
    if comparison.race is not None:
        cautions += list_race_cautions(comparison, comparison.race)
    elif comparison.race_caution:
        cautions.append(comparison.race_caution)
    cautions += [f"{treatment.name}: {flag}." for flag in list_flags(comparison, treatment)]
    if asked := [one for one in comparison.treatments if one.is_asked]:
        cautions.append(CONTAMINATION)
        cautions += [ASKED_PRICE] if len(asked) < len(comparison.treatments) else []
    if choice is not None:
        cautions += _list_passed_over(choice, tied)
    cautions += _describe_seeds(comparison)
    cautions += _describe_leak(comparison, treatment)
    for check in comparison.hardware:
        if check.agreement is not None and check.agreement.p < 0.05:
            cautions.append(
                f"Scores on {check.first} and {check.second} differ by "
                f"{format_points(abs(check.agreement.difference))} (p = {check.agreement.p:.3f}), though hardware "
                "should not matter: look at precision and batch size."
            )
    return cautions


def _list_passed_over(choice: Configuration, tied: Sequence[Treatment]) -> list[str]:
    """Return which configurations of tied treatments lost runs, and what is faster."""
    others = [one for treatment in tied for one in treatment.configurations if one is not choice]
    offers = [one for one in others if one.is_asked is choice.is_asked]  # the others are not at the same price
    lines = []
    for one in offers:
        if one.has_crashed:
            is_cheaper = one.usd is not None and choice.usd is not None and one.usd < choice.usd
            price = f" costs less ({format_price(one)} a run), but " if is_cheaper else ": "
            lines.append(f"{one.name}{price}{one.describe_unfinished()}.")
    timed = [one for one in offers if one.minutes is not None and not one.has_crashed]
    fastest = min(timed, key=lambda one: one.minutes or 0, default=None)
    if fastest and fastest.minutes and choice.minutes and fastest.minutes * SAME_PRICE < choice.minutes:
        price = f" for {format_price(fastest)}" if fastest.usd is not None else ""
        lines.append(f"If time matters more, {fastest.name} takes {format_duration(fastest.minutes)}{price}.")
    return lines


def _describe_seeds(comparison: Comparison) -> list[str]:
    verdict = comparison.verdict
    if verdict is None:
        return []
    if not verdict.spread.pooled_df:
        return [
            "Each treatment has one seed: seed variance assumed, not measured (a standard deviation of 0.75 points, as "
            "published runs show it, besides answers that flip)."
        ]
    single = [one for one, count in zip(comparison.compared, verdict.spread.counts, strict=True) if count == 1]
    return [f"One seed only: {join_names(single)}. Its seed variance is taken from the others."] if single else []


def _describe_leak(comparison: Comparison, treatment: Treatment) -> list[str]:
    unseen, total = comparison.unseen, comparison.total
    if unseen is None or unseen == total:
        return []
    line = f"{total - unseen:,} of {count_things(total, 'question')} are asked about contexts that are also in train."
    clean, index = comparison.verdict_on_unseen, comparison.find_index(treatment)
    if clean is None or index is None:
        return [line]
    others = [one for one in clean.differences if one.winner is not None and index in (one.first, one.second)]
    ahead = [clean.find_difference(one.winner, index) for one in others if one.winner not in (None, index)]
    if ahead:
        worst = max(ahead, key=lambda one: one.mean)
        return [
            f"{line} On the others, {comparison.compared[worst.first].name} beats {treatment.name} by "
            f"{format_difference(worst)}: part of the score may be memorized."
        ]
    leader = int(clean.spread.means.argmax())
    if leader != index:
        one = clean.find_difference(leader, index)
        return [f"{line} On the others, {comparison.compared[leader].name} is ahead of it by {format_difference(one)}."]
    return [f"{line} On the others it also leads."]
