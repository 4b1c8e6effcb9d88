"""One split of a question-answering data set, in memory: what every reader returns.

A context is stored once, however many questions share it, and rows are known by position: ids come from
outside and may repeat (THQuAD's dev split holds 38 ids that stand for different questions).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mlqa.errors import DataError


@dataclass(frozen=True, slots=True)
class Answer:
    """A gold answer: `context[start : start + len(text)] == text`, without outer white space."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader met on its way: where in the source, and what."""

    place: str
    text: str


@dataclass(frozen=True)
class Examples:
    """Questions, the contexts they are asked of, and their gold answers.

    `ids`, `questions`, `answers` and `context_of` have one entry a row; `context_of[row]` is an index into
    `contexts`. An empty tuple of answers marks a question that the context does not answer (SQuAD 2.0).
    `counts` says what the reader did on the way: rows read, answers repaired, stripped, rows dropped ...; it is of the
    whole source, also after `select` and `sample`. `notes` has places under the same names, the first of each.
    `unplaced`: the gold texts, as they were read, that stand nowhere in the context of a row; only rows that have some.
    They are scored against, as by the official scripts, which look at no offset. `dropped_ids`: of rows left out.
    """

    ids: list[str]
    questions: list[str]
    contexts: list[str]
    context_of: np.ndarray
    answers: list[tuple[Answer, ...]]
    counts: dict[str, int] = field(default_factory=dict)
    notes: dict[str, list[Note]] = field(default_factory=dict)
    unplaced: dict[int, tuple[str, ...]] = field(default_factory=dict)
    dropped_ids: frozenset[str] = frozenset()

    @classmethod
    def make_empty(cls) -> Examples:
        """No rows: the split that a data set does not have."""
        return cls([], [], [], np.zeros(0, dtype=np.int64), [])

    def __len__(self) -> int:
        return len(self.ids)

    def get_context(self, row: int) -> str:
        """The text in which the question of this row is asked."""
        return self.contexts[int(self.context_of[row])]

    @property
    def has_unanswerable(self) -> bool:
        return any(not answers for answers in self.answers)

    def select(self, rows: Sequence[int] | np.ndarray) -> Examples:
        """The given rows, in the given order, with only the contexts they use."""
        rows = np.asarray(rows, dtype=np.int64)
        used, context_of = np.unique(self.context_of[rows], return_inverse=True)
        return Examples(
            ids=[self.ids[row] for row in rows],
            questions=[self.questions[row] for row in rows],
            contexts=[self.contexts[index] for index in used],
            context_of=context_of.astype(np.int64),
            answers=[self.answers[row] for row in rows],
            counts=self.counts,
            notes=self.notes,
            unplaced={new: self.unplaced[row] for new, row in enumerate(rows.tolist()) if row in self.unplaced},
            dropped_ids=self.dropped_ids,
        )

    def get_gold_texts(self, row: int) -> list[str]:
        """All that counts as right in this row: the answers, then those without a place."""
        return [*(answer.text for answer in self.answers[row]), *self.unplaced.get(row, ())]

    def sample_rows(self, count: int | None, seed: int) -> Examples:
        """`count` rows drawn without replacement by `seed`, in their original order; all rows if None."""
        if count is None or count >= len(self):
            return self
        return self.select(np.sort(np.random.default_rng(seed).permutation(len(self))[:count]))

    def with_questions(self, questions: list[str]) -> Examples:
        """The same rows with other questions (for a control that must not be answerable)."""
        if len(questions) != len(self):
            raise DataError(f"{len(questions)} questions for {len(self)} rows: give one a row")
        return replace(self, questions=questions)

    def compute_fingerprint(self) -> str:
        """SHA-256 over ids, questions, contexts and answers in order: equal data, equal string."""
        digest = hashlib.sha256()
        for context in self.contexts:
            digest.update(context.encode("utf-8", "surrogatepass") + b"\0")
        for row in range(len(self)):
            placed = (f"{answer.start}:{answer.text}" for answer in self.answers[row])
            golds = ";".join((*placed, *(f":{text}" for text in self.unplaced.get(row, ()))))
            line = f"{self.ids[row]}\0{self.questions[row]}\0{self.context_of[row]}\0{golds}\0"
            digest.update(line.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]


def normalize_context(text: str) -> str:
    """NFC, lower-cased, white space folded: the form in which two contexts count as the same."""
    return " ".join(unicodedata.normalize("NFC", text).lower().split())


def find_unseen_rows(validation: Examples, train: Examples) -> np.ndarray:
    """Boolean [rows of validation]: the context does not stand in train (compared by `normalized_context`)."""
    seen = {normalize_context(context) for context in train.contexts}
    unseen = np.array([normalize_context(context) not in seen for context in validation.contexts], dtype=bool)
    return unseen[validation.context_of] if len(validation) else np.zeros(0, dtype=bool)
