"""The answer in words: best, cheapest within a point, fastest; each as sure as the data makes it, with its figures."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlqa.report.comparison import NEAR, Comparison
from mlqa.report.configurations import Configuration
from mlqa.report.wording import (
    MOST_NAMED,
    format_f1_gap,
    format_minutes,
    format_p_value,
    format_price,
    format_scores,
    join_names,
)

REHEARSED = (
    "A rehearsal: jobs ran on this machine and nothing was paid; minutes and dollars say nothing of the hardware they "
    "name."
)
CLEARLY_MORE = 1.05  # a run again takes some per cent more or less, and its price with it


@dataclass
class Advice:
    """`claim` answers `question`; `is_supported` whether the data bears it; `evidence` are the figures to check it."""

    question: str
    claim: str
    is_supported: bool
    evidence: list[str] = field(default_factory=list)


def build_advice(comparison: Comparison, is_rehearsal: bool = False) -> list[Advice]:
    """Three answers, or one that says why there are none; after a rehearsal, price and time are not borne out."""
    if len(comparison.configurations) < 2:
        only = comparison.configurations[0]
        claim = f"Only {only.name} has a score on {comparison.dataset}: there is nothing to compare it with."
        return [Advice("Best F1", claim, False, [format_scores(only)])]
    rivals, untested = _find_rivals(comparison)
    of_hardware = [_recommend_cheapest(comparison), _recommend_fastest(comparison)]
    if is_rehearsal:
        for item in of_hardware:
            item.is_supported = False
            item.evidence.insert(0, REHEARSED)
    return [_recommend_best(comparison, rivals, untested), *of_hardware]


def _find_rivals(comparison: Comparison) -> tuple[list[Configuration], list[Configuration]]:
    """(rivals that the data cannot tell from the best, those of them of which only intervals are known)."""
    best, *others = comparison.configurations
    rivals, untested = [], []
    for other in others:
        difference = comparison.find_difference(best, other)
        if difference is not None:
            if not (difference.is_significant and difference.mean > 0):
                rivals.append(other)
        elif not _has_disjoint_intervals(best, other):
            rivals.append(other)
            untested.append(other)
    return rivals, untested


def _has_disjoint_intervals(best: Configuration, other: Configuration) -> bool:
    upper, lower = best.compute_interval("f1"), other.compute_interval("f1")
    return upper is not None and lower is not None and lower[1] < upper[0]


def _recommend_best(comparison: Comparison, rivals: list[Configuration], untested: list[Configuration]) -> Advice:
    best, *others = comparison.configurations
    evidence = [format_scores(best)]
    for other in others[:MOST_NAMED]:
        evidence.append(_describe_difference(comparison, best, other))
    if untested:
        why = comparison.not_by_question or f"only {len(comparison.compared)} were compared question by question"
        evidence.append(
            f"{len(untested)} of the others were judged by whether their intervals overlap, which misses small "
            f"differences: {why}."
        )
    evidence.append(_describe_seed_spread(comparison))
    unseen, ahead = _compare_on_unseen(comparison)
    if unseen:
        evidence.append(unseen)
    equal = [other for other in rivals if other.f1 == best.f1]
    if equal and equal == rivals:
        claim = (
            f"{best.name} and {join_names(equal)} have the same F1 ({best.f1:.2f}): "
            "choose among them by price and time."
        )
        return Advice("Best F1", claim, False, evidence)
    if not rivals:
        worse = "the other is" if len(others) == 1 else f"each of the {len(others)} others is"
        claim = f"{best.name} is the best: F1 {best.f1:.2f}, and {worse} significantly worse."
        if ahead is not None:
            claim += f" But on contexts that train has not seen, {ahead.name} is ahead: the lead may be memory."
        elif any(len(one.seeds) == 1 for one in comparison.configurations):
            claim += " Where there is one seed only, what another would change is not in it."
        return Advice("Best F1", claim, ahead is None, evidence)
    claim = (
        f"{best.name} has the highest F1 ({best.f1:.2f}), but the data cannot tell it from {join_names(rivals)}: "
        "choose among them by price and time."
    )
    return Advice("Best F1", claim, False, evidence)


def _recommend_cheapest(comparison: Comparison) -> Advice:
    question = f"Cheapest within {NEAR:g} point of the best F1"
    best = comparison.configurations[0]
    priced = [one for one in comparison.configurations if one.usd is not None]
    near = [one for one in priced if one.f1 >= best.f1 - NEAR]
    if not near:
        claim = "No configuration within reach has a price: " if priced else "No configuration has a price: "
        claim += "hardware.usd_per_hour=... gives one to this machine."
        return Advice(question, claim, False)
    choice = min(near, key=lambda one: one.usd or 0.0)
    evidence = [f"{choice.name}: {format_scores(choice)}, {format_price(choice)} a run."]
    supported = True
    if choice is best:
        claim = f"{choice.name} is itself the cheapest within {NEAR:g} point: {format_price(choice)} a run."
    else:
        difference = comparison.find_difference(best, choice)
        evidence.append(_describe_difference(comparison, best, choice))
        dearer = f", against {format_price(best)} for {best.name}" if best.usd is not None else ""
        supported = difference is not None and difference.high <= NEAR
        claim = f"{choice.name} costs {format_price(choice)} a run{dearer}, and scored {format_f1_gap(best, choice)}."
        if difference is None:
            claim += " Whether it stays within the point on other texts is not known."
        elif not supported:
            claim += f" On other texts the gap may be up to {difference.high:.2f} points: not shown to be within one."
    cheaper = [one for one in priced if (one.usd or 0.0) < (choice.usd or 0.0)]
    evidence += [_describe_difference(comparison, best, one) for one in cheaper[:MOST_NAMED]]
    doubtful = [one for one in cheaper if not _is_surely_behind(comparison, one)]
    if doubtful:
        supported = False
        claim += f" {join_names(doubtful)} cost less but scored lower by more; on other texts it may be less than that."
    tied = [one for one in near if one is not choice and (one.usd or 0.0) <= CLEARLY_MORE * (choice.usd or 0.0)]
    if tied:
        supported = False
        claim += f" A tie with {join_names(tied)}: within the point, and less than 5 % dearer."
    unpriced = len(comparison.configurations) - len(priced)
    if unpriced:
        left = "configuration has no price and was" if unpriced == 1 else "configurations have no price and were"
        evidence.append(f"{unpriced} {left} left out.")
    if any(one.usd_is_estimate for one in near):
        evidence.append("Some prices are estimates: the table marks them with ~.")
    return Advice(question, claim, supported, evidence)


def _is_surely_behind(comparison: Comparison, one: Configuration) -> bool:
    """By more than NEAR, whichever texts are drawn."""
    best = comparison.configurations[0]
    difference = comparison.find_difference(best, one)
    if difference is not None:
        return difference.low > NEAR
    upper, lower = best.compute_interval("f1"), one.compute_interval("f1")
    return upper is not None and lower is not None and upper[0] - lower[1] > NEAR


def _recommend_fastest(comparison: Comparison) -> Advice:
    timed = sorted((one for one in comparison.configurations if one.minutes), key=lambda one: one.minutes or 0.0)
    if not timed:
        return Advice("Fastest", "No configuration has a time.", False)
    choice, best = timed[0], comparison.configurations[0]
    evidence = [f"{choice.name}: {format_minutes(choice)} minutes a run, F1 {choice.f1:.2f}."]
    close = [one for one in timed[1:] if (one.minutes or 0.0) < CLEARLY_MORE * (choice.minutes or 0.0)]
    evidence += [f"{one.name}: {format_minutes(one)} minutes." for one in timed[1 : 1 + MOST_NAMED]]
    if choice is not best:
        evidence.append(_describe_difference(comparison, best, choice))
    local = {one.first.get_text("cost", "instance_type") in (None, "local") for one in timed}
    if len(local) > 1:
        evidence.append(
            "Jobs are timed by what is billed, a spot job's discount aside, runs on this machine from start to end."
        )
    if len({one.settings.get("training.num_train_epochs") for one in timed}) > 1:
        evidence.append("They did not all train for the same number of epochs.")
    loss = best.f1 - choice.f1
    gap = f"{loss:.2f} points below the best" if loss else "as high as the best"
    price = "" if choice is best else f"; its F1 is {gap}"
    if close:
        claim = (
            f"{choice.name} took {format_minutes(choice)} minutes, and {join_names(close)} less than 5 % more: a tie, "
            f"as times of a run vary by that much{price}."
        )
        return Advice("Fastest", claim, False, evidence)
    slowest = max(choice.all_minutes)
    as_fast = [one for one in timed[1:] if min(one.all_minutes) <= slowest]
    if as_fast:
        claim = (
            f"{choice.name} is the fastest in the mean: {format_minutes(choice)} minutes a run{price}. But runs of "
            f"{join_names(as_fast)} took no longer than its slowest, {slowest:.1f} minutes."
        )
        return Advice("Fastest", claim, False, evidence)
    return Advice(
        "Fastest", f"{choice.name} is the fastest: {format_minutes(choice)} minutes a run{price}.", True, evidence
    )


def _describe_difference(comparison: Comparison, best: Configuration, other: Configuration) -> str:
    difference = comparison.find_difference(best, other)
    if difference is None:
        words = (
            "intervals do not overlap" if _has_disjoint_intervals(best, other) else "intervals overlap or are not known"
        )
        return f"{best.name} against {other.name}: {best.f1 - other.f1:+.2f} F1, {words}."
    verdict = "significant" if difference.is_significant else "not significant"
    return (
        f"{best.name} against {other.name}: {difference.mean:+.2f} F1, 95 % interval "
        f"[{difference.low:+.2f}, {difference.high:+.2f}], p {format_p_value(difference.p_holm)} after correction for "
        f"{len(comparison.differences)} {'pair' if len(comparison.differences) == 1 else 'pairs'}: {verdict}."
    )


def _describe_seed_spread(comparison: Comparison) -> str:
    counts = {len(one.seeds) for one in comparison.configurations}
    if counts == {1}:
        return (
            "One seed each: the intervals say what other texts would change, not what another seed would; "
            "seed=1,2,3 in the sweep tells that, too."
        )
    deviations = [found for one in comparison.configurations if (found := one.compute_std("metrics", "f1")) is not None]
    least = "" if 1 not in counts else "; some have one seed only"
    return f"F1 differs between seeds of a configuration by a standard deviation of up to {max(deviations):.2f}{least}."


def _compare_on_unseen(comparison: Comparison) -> tuple[str | None, Configuration | None]:
    """What the contexts that train has not seen say, where they are not all of them; who is ahead on them, where
    that is not the best."""
    scored = [
        (one, found)
        for one in comparison.configurations
        if (found := one.compute_mean("metrics", "f1_unseen")) is not None
    ]
    best = comparison.configurations[0]
    if not scored or all(
        one.compute_mean("metrics", "total_unseen") == one.compute_mean("metrics", "total") for one, _ in scored
    ):
        return None, None
    top, f1 = max(scored, key=lambda pair: pair[1])
    rest = [(one, score) for one, score in scored if one is not top]
    ahead = f"it is ahead, too: F1 {f1:.2f}" if top is best else f"{top.name} is ahead: F1 {f1:.2f}"
    told = f"On contexts that train has not seen, {ahead}"
    if rest:
        second, score = max(rest, key=lambda pair: pair[1])
        difference = comparison.find_difference(top, second, unseen=True)
        told += f", before {second.name} with {score:.2f}"
        if difference is not None:
            verdict = "significant" if difference.is_significant else "not significant"
            told += f" (p {format_p_value(difference.p_holm)} after correction: {verdict})"
    return (f"{told}.", None) if top is best else (f"{told}. Part of the lead may be memory.", top)
