"""How a source counts answer_start, if it does not count characters from 0: one rule for many of its answers.

A tool that numbers characters from 1, or counts UTF-16 code units or bytes, gets every answer wrong by the same rule.
What the rule says is then certain, even if the text of an answer occurs several times in its context. A file may be
put together from the work of several tools, and a title may be missing from some contexts. So every context is counted
by the rule that explains most of its answers.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlqa.data.counting_units import CHARACTERS, UNITS, count_units
from mlqa.data.same_text import fold_text
from mlqa.data.trimmed_ends import find_all_without_ends, find_without_ends

FEWEST = 2  # a rule that explains one answer is no rule
SHIFTS = (-1, 1, -2, 2, -3, 3)  # that tools make. Others need more answers that agree
MOST_BY_CHANCE = 0.01  # probability that one of all rules explains as many answers by chance
MOST_PLACES = 64  # a text that occurs more often says nothing

Gold = tuple[str, int]  # text of an answer, answer_start


@dataclass(frozen=True)
class OffsetRule:
    """A way of counting.

    Attributes:
        unit: What is counted, a name of `UNITS`.
        shift: Added to an offset before it is looked up.
        is_local: Whether it was found for single contexts, and not for the whole source.
    """

    unit: str = CHARACTERS
    shift: int = 0
    is_local: bool = False

    @property
    def name(self) -> str:
        """What the rule says about answers that are "...", for messages."""
        counted = f"where answer_start points in {self.unit}"
        if self.is_local:
            return f"{counted}, shifted by as much as the others of their context"
        if not self.shift:
            return counted
        if self.unit != CHARACTERS:
            return f"{counted}, shifted by {self.shift:+d}"
        from_one = ", as if counted from 1" * (self.shift == -1)
        plural, side = "s" * (abs(self.shift) > 1), "before" if self.shift < 0 else "after"
        return f"{abs(self.shift)} character{plural} {side} their answer_start{from_one}"

    def find_start(self, context: str, offset: int) -> int | None:
        """Return the character at which the rule's offset points, or None if it points at none."""
        offset += self.shift
        if offset < 0:
            return None
        starts = count_units(self.unit, context)
        if starts is None:
            return offset
        place = int(np.searchsorted(starts, offset, side="right")) - 1
        return place if place >= 0 and starts[place] == offset else None

    def can_explain(self, context: str, gold: Gold) -> bool:
        """Return whether an answer is at the offset that the rule gives."""
        place = self.find_start(context, gold[1])
        return place is not None and (is_at(context, gold[0], place) or _is_respelt_at(context, gold[0], place))


AS_GIVEN = OffsetRule()


def find_offset_rules(golds: Mapping[str, Sequence[Gold]]) -> dict[str, tuple[OffsetRule, ...]]:
    """Find the rules by which each context of a source counts.

    Args:
        golds: {context: its distinct answers with an offset}.

    Returns:
        {context: rules}, only for contexts with an answer that is not at its offset, if any rule is found. The rule
        that explains most answers of the context comes first, then those of the whole source, the most frequent first.
    """
    misplaced: dict[str, list[Gold]] = {}
    right = 0
    for context, answers in golds.items():
        wrong = [gold for gold in answers if not is_at(context, *gold)]
        right += len(answers) - len(wrong)
        if wrong:
            misplaced[context] = wrong
    ranked = _rank_rules(misplaced, right)
    chosen = {context: _choose_rule(context, golds[context], ranked) for context in misplaced}
    if ranked == [AS_GIVEN]:
        chosen = {context: rule for context, rule in chosen.items() if rule != AS_GIVEN}
    return {context: tuple(dict.fromkeys((rule, *ranked))) for context, rule in chosen.items()}


def is_at(context: str, text: str, start: int) -> bool:
    """Return whether an answer is in its context at an offset, with or without the white space around it."""
    stripped = text.strip()
    return start >= 0 and bool(stripped) and context.startswith((text, stripped), start)


def _is_respelt_at(context: str, text: str, place: int) -> bool:
    if text.strip() in context:
        return False
    return bool(fold_text(context).find_at(text, place) or find_without_ends(context, text, place))


def find_places(context: str, text: str) -> list[int]:
    """Return the character at which a text begins in its context, in other letters if it is not there as written."""
    stripped = text.strip()
    places: list[int] = []
    place = context.find(stripped) if stripped else -1
    while place >= 0 and len(places) <= MOST_PLACES:
        places.append(place)
        place = context.find(stripped, place + 1)
    if not places and stripped:
        found = fold_text(context).find_all(text) or find_all_without_ends(context, text)
        places = [start for start, _ in found]
    return places if len(places) <= MOST_PLACES else []


def _rank_rules(misplaced: Mapping[str, Sequence[Gold]], right: int) -> list[OffsetRule]:
    """Return the rules that hold for a whole source or a good part of it, the most frequent one first.

    Rules are taken one by one: the next explains most of the answers that those before it leave.

    Args:
        misplaced: {context: answers that are not at their offset}.
        right: The number of answers that are.
    """
    voters: defaultdict[OffsetRule, set[int]] = defaultdict(set)
    chance = {}  # that one rule explains an answer by chance
    number = 0
    for context, golds in misplaced.items():
        for gold in golds:
            places = find_places(context, gold[0])
            if not places:
                continue
            chance[number] = min(1.0, len(places) / len(context))
            for rule in _iter_explaining(context, gold, places):
                if rule.unit == CHARACTERS or rule.shift == 0 or rule.shift in SHIFTS:
                    voters[rule].add(number)
            number += 1
    order = {rule: (list(UNITS).index(rule.unit) if not rule.shift else len(UNITS)) for rule in voters}
    left = set(chance)
    ranked = {AS_GIVEN: right}
    while voters:
        best = min(voters, key=lambda rule: (-len(voters[rule] & left), order[rule], abs(rule.shift), rule.shift))
        explained = voters[best] & left
        is_half = len(explained) >= max(FEWEST, len(left) / 2) and (not best.shift or best.shift in SHIFTS)
        expected = sum(chance[index] for index in left)
        if not is_half and not _is_beyond_chance(len(explained), expected, len(voters)):
            break
        del voters[best]
        ranked[best] = len(explained)
        left -= explained
    return sorted(ranked, key=lambda rule: -ranked[rule])


def _is_beyond_chance(explained: int, expected: float, rules: int) -> bool:
    """Return whether one of several rules hardly ever explains so many answers by chance (Poisson)."""
    if explained < FEWEST or not expected:
        return False
    log_chance = explained * math.log(expected) - math.lgamma(explained + 1)
    return math.log(rules) + log_chance < math.log(MOST_BY_CHANCE)


def _iter_explaining(context: str, gold: Gold, places: Sequence[int]) -> Iterable[OffsetRule]:
    """Yield the rules that lead from an answer's offset to one of its places."""
    text, start = gold
    before = len(text) - len(text.lstrip())
    # An offset may point at the white space that belongs to the answer as given.
    starts = {place - before for place in places if before and context.startswith(text, place - before)} | {*places}
    for unit in UNITS:
        counted = count_units(unit, context)
        if unit != CHARACTERS and counted is None:
            continue
        for place in starts:
            found = place if counted is None else int(counted[place])
            if counted is None or OffsetRule(unit).find_start(context, found) == place:
                yield OffsetRule(unit, found - start)


def _choose_rule(context: str, golds: Sequence[Gold], ranked: Sequence[OffsetRule]) -> OffsetRule:
    """Return the rule that explains most answers of a context, and of several the one most frequent in the source."""
    explained = {rule: sum(rule.can_explain(context, gold) for gold in golds) for rule in ranked}
    best = max(ranked, key=lambda rule: explained[rule])
    if explained[best] == len(golds):
        return best
    local = _find_local_rule(context, golds, explained[best])
    return best if local is None else local


def _find_local_rule(context: str, golds: Sequence[Gold], most: int) -> OffsetRule | None:
    """Return the shift that explains more answers of a context than any other and than `most`, or None."""
    votes: Counter[OffsetRule] = Counter()
    placed = 0
    for gold in golds:
        places = find_places(context, gold[0])
        placed += bool(places)
        votes.update(set(_iter_explaining(context, gold, places)))
    best = max(votes.values(), default=0)
    if best < max(FEWEST, most + 1, placed / 2):
        return None
    winners = [rule for rule, count in votes.items() if count == best]
    # Several units may explain the same. They must agree on where each answer is.
    agreed = {
        tuple(rule.find_start(context, gold[1]) if rule.can_explain(context, gold) else None for gold in golds)
        for rule in winners
    }
    if len(agreed) > 1:
        winners = [rule for rule in winners if rule.unit == CHARACTERS]
    if not winners or (len(winners) > 1 and len(agreed) > 1):
        return None
    return OffsetRule(winners[0].unit, winners[0].shift, is_local=True)
