"""Find the place of each gold answer in its context, from the surest way to the least sure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlqa.data.examples import Answer
from mlqa.data.offset_rules import AS_GIVEN, Gold, OffsetRule, find_offset_rules, find_places
from mlqa.data.row_values import NO_PLACE, shorten_repr
from mlqa.data.same_text import fold_text
from mlqa.data.trimmed_ends import find_all_without_ends, find_without_ends


@dataclass(frozen=True, slots=True)
class Placement:
    """What became of one gold.

    Attributes:
        answer: The answer as the context has it, or None if it has no place, or several.
        notes: What was done to find it: (kind of note, text for messages).
    """

    answer: Answer | None
    notes: tuple[tuple[str, str], ...] = ()


class AnswerPlaces:
    """The places of the golds of a source.

    Places are tried in this order: by the rules of the context, by answer_start, the same in other letters (see
    `same_text`), the only place, the only place in other letters, and last the only place between those of the answers
    before and behind it (see `_locate_between`).

    Attributes:
        rules: The rules by which answers were moved, the most frequent first.
    """

    def __init__(self, golds: Mapping[str, Sequence[Gold]]) -> None:
        """Locate all golds.

        Args:
            golds: {context: its distinct golds}. A gold without an offset has NO_PLACE.
        """
        with_offset = {context: [gold for gold in given if gold[1] != NO_PLACE] for context, given in golds.items()}
        rules = find_offset_rules(with_offset)
        chosen = Counter(found[0] for found in rules.values() if found[0] != AS_GIVEN)
        self.rules = [rule for rule, _ in chosen.most_common()]
        self._placed: dict[tuple[str, Gold], Placement] = {}
        for context, given in golds.items():
            candidates = rules.get(context, (AS_GIVEN,))
            found = {gold: _locate(context, *gold, candidates) for gold in given}
            if any(placement.answer is None for placement in found.values()):
                _locate_between(context, found)
            self._placed.update({(context, gold): placement for gold, placement in found.items()})

    def get(self, context: str, gold: Gold) -> Placement:
        """Return what became of a gold of a context."""
        return self._placed[context, gold]


def _locate(context: str, text: str, start: int, rules: Sequence[OffsetRule]) -> Placement:
    stripped = text.strip()
    if not stripped:
        return Placement(None)
    # -1 is how tools write that an answer has no offset, unless they are one too low.
    usable = [rule for rule in (*rules, AS_GIVEN) if start != NO_PLACE or rule.shift == 1]
    found_by = {rule.find_start(context, start): rule for rule in reversed(usable)}
    starts = [at for at in reversed(found_by) if at is not None]
    for at in starts:
        if context.startswith((text, stripped), at):
            notes = [("stripped_answers", shorten_repr(text))] if stripped != text else []
            if at != start:
                moved = f"{shorten_repr(stripped)} is at {at}, not at {start}: answers are {found_by[at].name}"
                notes.append(("offsets_by_rule", moved))
            before = len(text) - len(text.lstrip()) if context.startswith(text, at) else 0
            return Placement(Answer(stripped, at + before), tuple(notes))
    for at in starts:
        if found := fold_text(context).find_at(text, at) or find_without_ends(context, text, at):
            return _respell(context, text, start, *found)
    at = context.find(stripped)
    if at >= 0 and context.find(stripped, at + 1) < 0:
        return _repair(stripped, start, at)
    if at < 0:
        elsewhere = fold_text(context).find_all(text) or find_all_without_ends(context, text)
        if len(elsewhere) == 1:
            return _respell(context, text, start, *elsewhere[0])
    return Placement(None, (("unlocated_answers", shorten_repr(text)),))


def _repair(text: str, given: int, start: int) -> Placement:
    """Return an answer whose offset was wrong or missing."""
    moved = f"{shorten_repr(text)} is at {start}, not at {given}"
    return Placement(Answer(text, start), (("repaired_offsets", moved),) if given != NO_PLACE else ())


def _respell(context: str, text: str, given: int, start: int, end: int) -> Placement:
    """Return an answer in the letters of its context, which remembers how its source writes it."""
    written = context[start:end]
    if written == text.strip():  # answer_start points at the white space before it
        return _repair(written, given, start)
    note = f"{shorten_repr(text)} is {shorten_repr(written)} in its context"
    return Placement(Answer(written, start, text), (("respelt_answers", note),))


def _locate_between(context: str, found: dict[Gold, Placement]) -> None:
    """Locate golds with several places by those around them.

    A text that was changed after its answers were marked, such as by joining spaces, moves later answers further than
    earlier ones. An answer is moved by no less and no more than its neighbours, if only one of its places is.
    """
    known = sorted(
        (gold[1], placement.answer.start - gold[1])
        for gold, placement in found.items()
        if placement.answer is not None and gold[1] != NO_PLACE
    )
    for gold, placement in found.items():
        text, start = gold
        if placement.answer is not None or start == NO_PLACE or not known:
            continue
        behind = bisect_left(known, (start,))
        if not 0 < behind < len(known):
            continue
        low, high = sorted((known[behind - 1][1], known[behind][1]))
        places = [place for place in find_places(context, text) if low <= place - start <= high]
        if len(places) == 1:
            written = fold_text(context).find_at(text, places[0]) or find_without_ends(context, text, places[0])
            if written is not None:
                found[gold] = _respell(context, text, start, *written)
