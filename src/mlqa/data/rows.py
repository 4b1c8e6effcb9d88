"""From raw rows, as readers find them, to checked examples.

Real data sets write `answer_start` as a string or off by a few characters, leave white space around answers and repeat
ids. Each row is checked once here, so that all later code can rely on `context[start:end] == text`.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from mlqa.data.answer_places import AnswerPlaces, Placement
from mlqa.data.examples import Answer, Examples, Note
from mlqa.data.offset_rules import Gold
from mlqa.data.row_values import NO_PLACE, check_text, is_true, parse_answers, parse_id, shorten_repr
from mlqa.errors import DataError

log = logging.getLogger(__name__)

NAMED = 5  # the log and errors name at most this many places, and count the rest
NOTED = 1000  # at most this many places of each kind are kept for the audit


@dataclass(slots=True)
class _Row:
    """A row whose values are checked, but not yet its answers."""

    place: str
    identifier: str | None
    question: str
    context: int
    golds: list[Gold]


class ExamplesBuilder:
    """Collects and checks the rows of one source.

    It counts per row and distinct (text, start) gold: `answers`, and of these `stripped_answers`, `offsets_by_rule`,
    `respelt_answers`, `repaired_offsets` and `unlocated_answers`. It also counts `rows`, and of these `dropped`,
    `short_of_a_gold` (kept with the golds that have a place), `unanswerable` and `duplicate_ids`.
    """

    def __init__(self, source: str, strict: bool = False, keep_unplaced: bool = False, first_row: int = 0) -> None:
        """Start with no rows.

        Args:
            source: The name of the source in messages, such as a file or a hub data set.
            strict: Whether to refuse a source with an empty question or an answer that is not in its context.
            keep_unplaced: Whether to keep rows whose question is empty or whose golds are nowhere in the context. Such
                rows can be scored, as the official scripts do, but not trained on.
            first_row: The position of the first row, if the source follows others.
        """
        self.source = source
        self.strict = strict
        self.keep_unplaced = keep_unplaced
        self.first_row = first_row
        self._rows: list[_Row] = []
        self._contexts: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._notes: defaultdict[str, list[Note]] = defaultdict(list)
        self._seen_ids: set[str] = set()
        self._faulty: list[str] = []  # the first rows that are dropped or lack a gold

    def add(
        self,
        place: str,
        row_id: object,
        question: object,
        context: object,
        answers: object,
        is_impossible: object = None,
    ) -> None:
        """Add one row. `build` drops and counts it if its golds are nowhere in its context.

        Args:
            place: The row's place in the source, for messages.
            row_id: Its id. Without one its position is its id.
            question: The question.
            context: The context.
            answers: The golds in any form of `parse_answers`, empty or None if there are none.
            is_impossible: If it is true, 1 or "true", the answers do not count.

        Raises:
            DataError: If a field has the wrong type.
        """
        at = f"{self.source}, {place}"
        identifier = parse_id(at, row_id)
        question, context = check_text(at, "question", question), check_text(at, "context", context)
        golds = [] if is_true(is_impossible) else parse_answers(at, answers)
        if not any(text.strip() for text, _ in golds):  # "" is how some tools write that there is no answer
            golds = []
        number = self._contexts.setdefault(context, len(self._contexts))
        self._rows.append(_Row(place, identifier, question, number, golds))

    def build(self) -> Examples:
        """Locate the answers, and return the split.

        Raises:
            DataError: If there is no row, no row has an answer, or `strict` finds a fault.
        """
        contexts = list(self._contexts)
        places = AnswerPlaces(self._collect_golds(contexts))
        for rule in {rule.name: rule for rule in places.rules}.values():
            log.warning("%s: its answers are %s; their offsets were corrected", self.source, rule.name)
        kept: list[int] = []
        answers: list[tuple[Answer, ...]] = []
        unplaced: dict[int, tuple[str, ...]] = {}
        dropped_ids: set[str] = set()
        for position, row in enumerate(self._rows):
            placed = {
                gold: self._record_placement(row.place, gold, places.get(contexts[row.context], gold))
                for gold in dict.fromkeys(row.golds)
            }
            golds = tuple(answer for gold in row.golds if (answer := placed[gold]) is not None)
            if self._check_row(row, placed) and not self.keep_unplaced:
                dropped_ids.add(str(self.first_row + position) if row.identifier is None else row.identifier)
                continue
            if lacking := tuple(text for (text, _), answer in placed.items() if answer is None):
                unplaced[len(kept)] = lacking
            self._counts["unanswerable"] += not row.golds
            self._record_id(row)
            kept.append(position)
            answers.append(golds)
        self._check_source(answers)
        return self._collect(kept, answers, unplaced, dropped_ids)

    def _collect_golds(self, contexts: list[str]) -> dict[str, list[Gold]]:
        """Return the distinct golds of each context."""
        golds: list[dict[Gold, None]] = [{} for _ in contexts]
        for row in self._rows:
            golds[row.context].update(dict.fromkeys(row.golds))
        return {context: list(found) for context, found in zip(contexts, golds, strict=True)}

    def _record_placement(self, place: str, gold: Gold, placement: Placement) -> Answer | None:
        """Count what was done to find a gold."""
        self._counts["answers"] += bool(gold[0].strip())
        for kind, text in placement.notes:
            self._record_note(kind, place, text)
        return placement.answer

    def _check_row(self, row: _Row, placed: dict[Gold, Answer | None]) -> bool:
        """Record what is wrong with a row, and return whether it cannot be trained on."""
        faults = [_explain_unlocated(*gold) for gold, answer in placed.items() if answer is None and gold[0].strip()]
        if not row.question.strip():
            faults.insert(0, "the question is empty")
        self._counts["rows"] += 1
        unusable = not row.question.strip() or (bool(placed) and not any(placed.values()))
        if faults:
            if len(self._faulty) < NAMED:
                self._faulty.append(f"{row.place}: {faults[0]}")
            self._record_note("dropped" if unusable else "short_of_a_gold", row.place, faults[0])
        if unusable and self._counts["dropped"] <= NAMED and not self.strict and not self.keep_unplaced:
            log.warning("%s, %s: row dropped: %s", self.source, row.place, faults[0])
        return unusable

    def _record_id(self, row: _Row) -> None:
        if row.identifier in self._seen_ids:
            self._record_note("duplicate_ids", row.place, str(row.identifier))
        if row.identifier is not None:
            self._seen_ids.add(row.identifier)

    def _check_source(self, answers: list[tuple[Answer, ...]]) -> None:
        """Refuse a source without any answer, and one that breaks `strict`."""
        counts = self._counts
        if not counts["rows"]:
            raise DataError(f"{self.source}: no question in this source; give SQuAD-style data with at least one")
        faulty = counts["dropped"] + counts["short_of_a_gold"]
        if self.strict and faulty:
            named = "; ".join(self._faulty) + ("; ..." if faulty > NAMED else "")
            raise DataError(
                f"{self.source}: {faulty} of {counts['rows']} rows are faulty: {named}; "
                "fix them, or leave them out with dataset.strict=false"
            )
        if not any(answers):
            raise DataError(
                f"{self.source}: no question (of {counts['rows']}) has an answer in its context; "
                "there is nothing to train or score on"
            )
        if counts["dropped"] and not self.keep_unplaced:
            log.warning("%s: dropped %d of %d rows", self.source, counts["dropped"], counts["rows"])

    def _collect(
        self,
        kept: list[int],
        answers: list[tuple[Answer, ...]],
        unplaced: dict[int, tuple[str, ...]],
        dropped_ids: set[str],
    ) -> Examples:
        """Return the kept rows, with the contexts that they use in the order of their first use."""
        rows = [self._rows[position] for position in kept]
        number_of = {context: number for number, context in enumerate(dict.fromkeys(row.context for row in rows))}
        contexts = list(self._contexts)
        return Examples(
            ids=self._fill_missing_ids(kept),
            questions=[row.question for row in rows],
            contexts=[contexts[context] for context in number_of],
            context_of=np.fromiter((number_of[row.context] for row in rows), dtype=np.int64, count=len(rows)),
            answers=answers,
            counts={name: int(count) for name, count in self._counts.items()},
            notes=dict(self._notes),
            unplaced=unplaced,
            dropped_ids=frozenset(dropped_ids),
        )

    def _fill_missing_ids(self, kept: list[int]) -> list[str]:
        """Return the ids. A row without one gets its position in the source, as "row 5" if other rows have ids."""
        ids = [self._rows[position].identifier for position in kept]
        prefix = "row " if self._seen_ids else ""
        if prefix and (without := ids.count(None)):
            log.warning("%s: %d rows have no id; they are called row 0, row 1 ...", self.source, without)
        pairs = zip(ids, kept, strict=True)
        return [
            f"{prefix}{self.first_row + position}" if identifier is None else identifier
            for identifier, position in pairs
        ]

    def _record_note(self, kind: str, place: str, text: str) -> None:
        """Count an incident, and keep the first places of each kind."""
        self._counts[kind] += 1
        if len(self._notes[kind]) < NOTED:
            self._notes[kind].append(Note(place, text))


def _explain_unlocated(text: str, start: int) -> str:
    where = "has no answer_start, and is not exactly once in the context" if start == NO_PLACE else ""
    return f"answer {shorten_repr(text)} " + (where or f"is not at {start}, nor exactly once elsewhere")
