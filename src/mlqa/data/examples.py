"""One split of a question-answering data set, in memory: what every reader returns.

A context is stored once, however many questions share it. Rows are identified by position, because ids come from
outside and may repeat (THQuAD's dev split has 38 ids that belong to different questions).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Answer:
    """A gold answer without outer white space: `context[start : start + len(text)] == text`.

    Attributes:
        text: The answer as its context has it.
        start: Its offset in the context.
        source_text: The answer as its source writes it, if that differs in more than outer white space. Scores compare
            with this text, as the official scripts do.
    """

    text: str
    start: int
    source_text: str | None = None

    @property
    def end(self) -> int:
        """The offset behind the answer's last character."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Note:
    """An incident while reading: its place in the source, and what happened."""

    place: str
    text: str


@dataclass(frozen=True)
class Examples:
    """Questions, their contexts and their gold answers.

    Attributes:
        ids: One id per row.
        questions: One question per row.
        contexts: The distinct contexts.
        context_of: An index into `contexts` per row.
        answers: The golds of each row. An empty tuple marks a question that its context does not answer (SQuAD 2.0).
        counts: What the reader counted: rows read, answers repaired, stripped, rows dropped ... These are figures of
            the whole source, also after `select` and `sample_rows`.
        notes: The first places of each kind, under the same names as in `counts`.
        unplaced: {row: gold texts as read that have no certain place in its context}, only for rows that have some.
            Scores count them as right, as the official scripts do, which ignore offsets.
        dropped_ids: The ids of dropped rows.
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
        """Return a split without rows, for a data set that does not have it."""
        return cls([], [], [], np.zeros(0, dtype=np.int64), [])

    def __len__(self) -> int:
        return len(self.ids)

    def get_context(self, row: int) -> str:
        """Return the context of a row's question."""
        return self.contexts[int(self.context_of[row])]

    @property
    def has_unanswerable(self) -> bool:
        """Whether any question has no answer in its context."""
        return any(not self.is_answerable(row) for row in range(len(self)))

    def is_answerable(self, row: int) -> bool:
        """Return whether a row has a gold answer, with or without a place in its context."""
        return bool(self.answers[row]) or row in self.unplaced

    def select(self, rows: Sequence[int] | np.ndarray) -> Examples:
        """Return the given rows in the given order, with only the contexts that they use."""
        rows = np.asarray(rows, dtype=np.int64)
        used, context_of = np.unique(self.context_of[rows], return_inverse=True)
        return replace(
            self,
            ids=[self.ids[row] for row in rows],
            questions=[self.questions[row] for row in rows],
            contexts=[self.contexts[index] for index in used],
            context_of=context_of.astype(np.int64),
            answers=[self.answers[row] for row in rows],
            unplaced={new: self.unplaced[row] for new, row in enumerate(rows.tolist()) if row in self.unplaced},
        )

    def get_gold_texts(self, row: int) -> list[str]:
        """Return every text that counts as right in a row: the answers, then the golds without a place."""
        placed = (answer.text if answer.source_text is None else answer.source_text for answer in self.answers[row])
        return [*placed, *self.unplaced.get(row, ())]

    def sample_rows(self, count: int | None, seed: int) -> Examples:
        """Draw rows without replacement and keep them in their original order.

        Args:
            count: The number of rows, or None for all.
            seed: The seed of the draw.
        """
        if count is None or count >= len(self):
            return self
        return self.select(np.sort(np.random.default_rng(seed).permutation(len(self))[:count]))

    @classmethod
    def join(cls, parts: Sequence[Examples]) -> Examples:
        """Join the rows of several sources in order. A context that several of them have is stored once.

        Counts are added up, and an id that an earlier part has counts as repeated.
        """
        if len(parts) == 1:
            return parts[0]
        contexts: dict[str, int] = {}
        context_of, starts = [], np.cumsum([0, *map(len, parts)])
        counts: Counter[str] = Counter()
        notes: defaultdict[str, list[Note]] = defaultdict(list)
        seen: set[str] = set()
        for part in parts:
            numbers = [contexts.setdefault(context, len(contexts)) for context in part.contexts]
            context_of.append(np.array(numbers, dtype=np.int64)[part.context_of])
            counts.update(part.counts)
            if repeated := sum(row_id in seen for row_id in part.ids):
                counts["duplicate_ids"] += repeated
            seen.update(part.ids)
            for kind, found in part.notes.items():
                notes[kind] += found
        return cls(
            ids=[row_id for part in parts for row_id in part.ids],
            questions=[question for part in parts for question in part.questions],
            contexts=list(contexts),
            context_of=np.concatenate(context_of),
            answers=[golds for part in parts for golds in part.answers],
            counts=dict(counts),
            notes=dict(notes),
            unplaced={
                int(start) + row: texts
                for start, part in zip(starts, parts, strict=False)
                for row, texts in part.unplaced.items()
            },
            dropped_ids=frozenset().union(*(part.dropped_ids for part in parts)),
        )

    def compute_fingerprint(self) -> str:
        """Compute 16 hex digits of SHA-256 over ids, questions, contexts and answers in order."""
        digest = hashlib.sha256()
        for context in self.contexts:
            digest.update(context.encode("utf-8", "surrogatepass") + b"\0")
        for row in range(len(self)):
            placed = (
                f"{answer.start}:{answer.text}" + (f"={answer.source_text}" if answer.source_text is not None else "")
                for answer in self.answers[row]
            )
            golds = ";".join((*placed, *(f":{text}" for text in self.unplaced.get(row, ()))))
            line = f"{self.ids[row]}\0{self.questions[row]}\0{self.context_of[row]}\0{golds}\0"
            digest.update(line.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]


def normalize_context(text: str) -> str:
    """Normalize a text for the comparison of contexts.

    Args:
        text: The text of a context or question.

    Returns:
        The text in NFC and lower case, with single spaces.
    """
    return " ".join(unicodedata.normalize("NFC", text).lower().split())


def find_unseen_rows(validation: Examples, train: Examples) -> np.ndarray:
    """Find the rows whose context is not in train, compared by `normalize_context`.

    Args:
        validation: The rows to check.
        train: The training split.

    Returns:
        A Boolean array [rows of validation].
    """
    seen = {normalize_context(context) for context in train.contexts}
    unseen = np.array([normalize_context(context) not in seen for context in validation.contexts], dtype=bool)
    return unseen[validation.context_of] if len(validation) else np.zeros(0, dtype=bool)
