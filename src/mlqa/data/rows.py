"""From raw rows, as readers find them, to checked examples.

Data sets in the wild write `answer_start` as a string or off by a few characters, leave white space around
answers and repeat ids. Here each row is checked once, so that everything after can rely on
`context[start:end] == text`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mlqa.data.examples import Answer, Examples
from mlqa.errors import DataError

log = logging.getLogger(__name__)

NAMED_DROPS = 5  # so many dropped rows are named in the log; the rest is counted


class ExamplesBuilder:
    """Collects rows of one source; `source` is how messages name it (a file, a hub data set)."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._ids: list[str] = []
        self._questions: list[str] = []
        self._contexts: dict[str, int] = {}
        self._context_of: list[int] = []
        self._answers: list[tuple[Answer, ...]] = []
        self._counts: Counter[str] = Counter()
        self._seen_ids: set[str] = set()

    def add(self, place: str, row_id: object, question: object, context: object, answers: object) -> None:
        """Takes one row. `place` says where it stands; `answers` in any of SQuAD's forms, empty or None for none.

        Raises DataError where a field has the wrong type; a row whose golds stand nowhere is dropped and counted.
        """
        question, context = self._text(place, "question", question), self._text(place, "context", context)
        self._counts["rows"] += 1
        given = self._pairs(place, answers)
        golds = tuple(gold for text, start in given if (gold := self._checked(context, text, start)) is not None)
        if given and not golds:
            self._drop(place, f"answer {given[0][0]!r} does not stand at {given[0][1]}, nor exactly once elsewhere")
            return
        if not question.strip():
            self._drop(place, "the question is empty")
            return
        identifier = str(row_id) if row_id is not None else str(len(self._ids))
        self._counts["duplicate_ids"] += identifier in self._seen_ids
        self._seen_ids.add(identifier)
        self._counts["unanswerable"] += not golds
        self._ids.append(identifier)
        self._questions.append(question)
        self._context_of.append(self._contexts.setdefault(context, len(self._contexts)))
        self._answers.append(golds)

    def build(self) -> Examples:
        """The split. Raises DataError if it is empty or no row has an answer."""
        counts = self._counts
        if not counts["rows"]:
            raise DataError(f"{self.source}: holds no question; expected SQuAD-style data with at least one")
        if not any(self._answers):
            raise DataError(
                f"{self.source}: none of its {counts['rows']} questions has an answer in its context; "
                "there is nothing to train or score on"
            )
        if counts["dropped"]:
            log.warning("%s: dropped %d of %d rows", self.source, counts["dropped"], counts["rows"])
        return Examples(
            ids=self._ids,
            questions=self._questions,
            contexts=list(self._contexts),
            context_of=np.asarray(self._context_of, dtype=np.int64),
            answers=self._answers,
            counts={name: int(count) for name, count in counts.items()},
        )

    def _drop(self, place: str, reason: str) -> None:
        self._counts["dropped"] += 1
        if self._counts["dropped"] <= NAMED_DROPS:
            log.warning("%s, %s: row dropped: %s", self.source, place, reason)

    def _pairs(self, place: str, answers: object) -> list[tuple[str, int]]:
        """[(text, start), ...] from {"text": [...], "answer_start": [...]} or [{"text", "answer_start"}, ...]."""
        if answers is None:
            return []
        pairs: Iterable[tuple[Any, Any]]
        if isinstance(answers, Mapping):
            if not {"text", "answer_start"} <= set(answers):
                raise DataError(f"{self.source}, {place}: 'answers' needs text and answer_start, has {sorted(answers)}")
            texts, starts = _listed(answers["text"]), _listed(answers["answer_start"])
            if len(texts) != len(starts):
                raise DataError(f"{self.source}, {place}: {len(texts)} answer texts but {len(starts)} answer_start")
            pairs = zip(texts, starts, strict=True)
        elif isinstance(answers, list | tuple):
            if not all(isinstance(answer, Mapping) and {"text", "answer_start"} <= set(answer) for answer in answers):
                raise DataError(f"{self.source}, {place}: each answer needs text and answer_start")
            pairs = [(answer["text"], answer["answer_start"]) for answer in answers]
        else:
            raise DataError(f"{self.source}, {place}: 'answers' must be a list or a mapping, found {_shown(answers)}")
        return [(self._text(place, "answer", text), self._start(place, start)) for text, start in pairs]

    def _text(self, place: str, what: str, value: object) -> str:
        if not isinstance(value, str):
            raise DataError(f"{self.source}, {place}: {what} must be text, found {_shown(value)}")
        if not is_text(value):
            raise DataError(f"{self.source}, {place}: {what} holds half of a surrogate pair, which is no text")
        return value

    def _start(self, place: str, start: object) -> int:
        if isinstance(start, float) and start.is_integer():  # as pandas writes whole numbers beside missing ones
            return int(start)
        try:
            if isinstance(start, bool | float):
                raise ValueError
            return int(start)  # type: ignore[call-overload, no-any-return]
        except (TypeError, ValueError):
            wanted = "a whole number of characters"
            raise DataError(f"{self.source}, {place}: answer_start must be {wanted}, found {_shown(start)}") from None

    def _checked(self, context: str, text: str, start: int) -> Answer | None:
        """The answer without outer white space, where it stands; None if it stands nowhere or in several places."""
        stripped = text.strip()
        if not stripped:
            return None
        if start >= 0 and context.startswith(text, start):
            self._counts["stripped_answers"] += stripped != text
            return Answer(stripped, start + len(text) - len(text.lstrip()))
        if context.count(stripped) != 1:
            self._counts["unlocated_answers"] += 1
            return None
        self._counts["repaired_offsets"] += 1
        return Answer(stripped, context.index(stripped))


def is_text(value: str) -> bool:
    """Whether a string can be written as UTF-8: JSON may hold half of a surrogate pair, a shell any byte."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(value: Any) -> list[Any]:
    """Some data sets write a single answer without the list around it."""
    if value is None:
        return []
    return [value] if isinstance(value, str | int | float) else list(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
