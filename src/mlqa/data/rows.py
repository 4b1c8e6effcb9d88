"""From raw rows, as readers find them, to checked examples.

Real data sets write `answer_start` as a string or off by a few characters, leave white space around answers and repeat
ids. Each row is checked once here, so that all later code can rely on `context[start:end] == text`.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from numbers import Number
from typing import Any

import numpy as np

from mlqa.data.examples import Answer, Examples, Note
from mlqa.errors import DataError

log = logging.getLogger(__name__)

NAMED = 5  # the log and errors name at most this many places, and count the rest
NOTED = 1000  # at most this many places of each kind are kept for the audit


class ExamplesBuilder:
    """Collects and checks the rows of one source.

    It counts per row and distinct (text, start) gold: `answers`, and of these `stripped_answers`, `repaired_offsets`
    and `unlocated_answers`. It also counts `rows`, and of these `dropped`, `short_of_a_gold` (kept with the golds that
    have a place), `unanswerable` and `duplicate_ids`.
    """

    def __init__(self, source: str, strict: bool = False) -> None:
        """Start with no rows.

        Args:
            source: The name of the source in messages, such as a file or a hub data set.
            strict: Whether to refuse a source with an empty question or an answer that is not in its context.
        """
        self.source = source
        self.strict = strict
        self._ids: list[str | None] = []
        self._positions: list[int] = []  # in the source, with dropped rows counted
        self._questions: list[str] = []
        self._contexts: dict[str, int] = {}
        self._context_of: list[int] = []
        self._answers: list[tuple[Answer, ...]] = []
        self._unplaced: dict[int, tuple[str, ...]] = {}
        self._dropped_ids: set[str] = set()
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
        """Add one row. A row whose golds are nowhere in its context is dropped and counted.

        Args:
            place: The row's place in the source, for messages.
            row_id: Its id. Without one its position is its id.
            question: The question.
            context: The context.
            answers: The golds in any of SQuAD's forms, empty or None if there are none.
            is_impossible: If it is true, 1 or "true", the answers do not count.

        Raises:
            DataError: If a field has the wrong type.
        """
        identifier = self._parse_id(place, row_id)
        question, context = self._check_text(place, "question", question), self._check_text(place, "context", context)
        position = self._counts["rows"]
        self._counts["rows"] += 1
        given = [] if is_true(is_impossible) else self._parse_answers(place, answers)
        placed = {pair: self._locate_answer(place, context, *pair) for pair in dict.fromkeys(given)}
        golds = tuple(gold for pair in given if (gold := placed[pair]) is not None)
        faults = [_explain_unlocated(*pair) for pair, gold in placed.items() if gold is None]
        if not question.strip():
            faults.insert(0, "the question is empty")
        drop = not question.strip() or (given and not golds)
        if faults:
            if len(self._faulty) < NAMED:
                self._faulty.append(f"{place}: {faults[0]}")
            self._record_note("dropped" if drop else "short_of_a_gold", place, faults[0])
        if drop:
            self._dropped_ids.add(str(position) if identifier is None else identifier)
            if self._counts["dropped"] <= NAMED and not self.strict:
                log.warning("%s, %s: row dropped: %s", self.source, place, faults[0])
            return
        if identifier in self._seen_ids:
            self._record_note("duplicate_ids", place, identifier)
        if identifier is not None:
            self._seen_ids.add(identifier)
        self._counts["unanswerable"] += not golds
        if unplaced := tuple(text for (text, _), gold in placed.items() if gold is None):
            self._unplaced[len(self._ids)] = unplaced
        self._ids.append(identifier)
        self._positions.append(position)
        self._questions.append(question)
        self._context_of.append(self._contexts.setdefault(context, len(self._contexts)))
        self._answers.append(golds)

    def build(self) -> Examples:
        """Return the split.

        Raises:
            DataError: If there is no row, no row has an answer, or `strict` finds a fault.
        """
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
        if not any(self._answers):
            raise DataError(
                f"{self.source}: no question (of {counts['rows']}) has an answer in its context; "
                "there is nothing to train or score on"
            )
        if counts["dropped"]:
            log.warning("%s: dropped %d of %d rows", self.source, counts["dropped"], counts["rows"])
        return Examples(
            ids=self._fill_missing_ids(),
            questions=self._questions,
            contexts=list(self._contexts),
            context_of=np.asarray(self._context_of, dtype=np.int64),
            answers=self._answers,
            counts={name: int(count) for name, count in counts.items()},
            notes=dict(self._notes),
            unplaced=self._unplaced,
            dropped_ids=frozenset(self._dropped_ids),
        )

    def _fill_missing_ids(self) -> list[str]:
        """Return the ids. A row without one gets its position in the source, as "row 5" if other rows have ids."""
        prefix = "row " if self._seen_ids else ""
        if prefix and (without := self._ids.count(None)):
            log.warning("%s: %d rows have no id; they are called row 0, row 1 ...", self.source, without)
        pairs = zip(self._ids, self._positions, strict=True)
        return [f"{prefix}{position}" if identifier is None else identifier for identifier, position in pairs]

    def _parse_id(self, place: str, value: object) -> str | None:
        """Return an id as text, or None: in a column with gaps pandas turns 1 into 1.0, and a missing id into NaN."""
        if isinstance(value, float):
            value = int(value) if value.is_integer() else value if value == value else None
        return None if value is None or value == "" else self._check_text(place, "id", str(value))

    def _record_note(self, kind: str, place: str, text: str) -> None:
        """Count an incident, and keep the first places of each kind."""
        self._counts[kind] += 1
        if len(self._notes[kind]) < NOTED:
            self._notes[kind].append(Note(place, text))

    def _parse_answers(self, place: str, answers: object) -> list[tuple[str, int]]:
        """Return [(text, start), ...] of {"text": [...], "answer_start": [...]} or [{"text", "answer_start"}, ...]."""
        if answers is None:
            return []
        pairs: Iterable[tuple[Any, Any]]
        if isinstance(answers, Mapping):
            if not {"text", "answer_start"} <= set(answers):
                raise DataError(
                    f"{self.source}, {place}: 'answers' needs text and answer_start, found {sorted(map(str, answers))}"
                )
            texts, starts = (self._coerce_to_list(place, key, answers[key]) for key in ("text", "answer_start"))
            if len(texts) != len(starts):
                raise DataError(f"{self.source}, {place}: {len(texts)} answer texts but {len(starts)} answer_start")
            pairs = zip(texts, starts, strict=True)
        elif isinstance(answers, list | tuple):
            if not all(isinstance(answer, Mapping) and {"text", "answer_start"} <= set(answer) for answer in answers):
                raise DataError(f"{self.source}, {place}: each answer needs text and answer_start")
            pairs = [(answer["text"], answer["answer_start"]) for answer in answers]
        else:
            raise DataError(
                f"{self.source}, {place}: 'answers' must be a list or a mapping, found {shorten_repr(answers)}"
            )
        return [(self._check_text(place, "answer", text), self._parse_start(place, start)) for text, start in pairs]

    def _coerce_to_list(self, place: str, key: str, value: object) -> list[Any]:
        """Return a list, because some data sets write a single answer without the list around it."""
        if value is None:
            return []
        if isinstance(value, str | Number):
            return [value]
        if not isinstance(value, list | tuple):
            raise DataError(f"{self.source}, {place}: {key} of 'answers' must be a list, found {shorten_repr(value)}")
        return list(value)

    def _check_text(self, place: str, what: str, value: object) -> str:
        if not isinstance(value, str):
            raise DataError(f"{self.source}, {place}: {what} must be text, found {shorten_repr(value)}")
        if not is_encodable(value):
            raise DataError(f"{self.source}, {place}: {what} has half of a surrogate pair, which is not valid text")
        return value

    def _parse_start(self, place: str, start: object) -> int:
        try:
            if isinstance(start, bool) or (isinstance(start, str) and "_" in start):
                raise ValueError
            offset = int(start)  # type: ignore[call-overload]
            if not isinstance(start, str) and offset != start:  # pandas writes 7 as 7.0 in a column with gaps
                raise ValueError
            return offset  # type: ignore[no-any-return]
        except (TypeError, ValueError, OverflowError):
            found = f"found {shorten_repr(start)}"
            raise DataError(
                f"{self.source}, {place}: answer_start must be a whole number of characters, {found}"
            ) from None

    def _locate_answer(self, place: str, context: str, text: str, start: int) -> Answer | None:
        """Return the answer without outer white space, or None if it has no place or several."""
        self._counts["answers"] += 1
        stripped = text.strip()
        if stripped and start >= 0:
            if context.startswith(text, start):
                if stripped != text:
                    self._record_note("stripped_answers", place, shorten_repr(text))
                return Answer(stripped, start + len(text) - len(text.lstrip()))
            if context.startswith(stripped, start):
                self._record_note("stripped_answers", place, shorten_repr(text))
                return Answer(stripped, start)
        found = context.find(stripped) if stripped else -1
        if found < 0 or context.find(stripped, found + 1) >= 0:
            self._record_note("unlocated_answers", place, shorten_repr(text))
            return None
        self._record_note("repaired_offsets", place, f"{shorten_repr(stripped)} is at {found}, not at {start}")
        return Answer(stripped, found)


def _explain_unlocated(text: str, start: int) -> str:
    if not text.strip():
        return "an answer is empty"
    return f"answer {shorten_repr(text)} is not at {start}, nor exactly once elsewhere"


def is_encodable(value: str) -> bool:
    """Return whether a string can be written as UTF-8. JSON may have half of a surrogate pair, and a shell any byte."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_true(value: object) -> bool:
    """Return whether a member such as is_impossible is true or 1, possibly as text, as tables write it."""
    return str(value).strip().lower() in ("true", "1", "1.0")


def shorten_repr(value: object) -> str:
    """Return the repr of a value, at most 60 characters of it, for messages."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:39]}...{text[-18:]}"  # the fault is often at an end
