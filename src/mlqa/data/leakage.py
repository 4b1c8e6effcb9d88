"""Leakage: which validation questions and contexts are already in train.

Each is counted in three ways, and each way includes the ones before it:

exact       the same text
normalized  the same after `normalize_context`: NFC, lower case, single spaces
near        a Jaccard similarity of shingles of at least `NEAR_CONTEXT` or `NEAR_QUESTION` (see near_duplicates)

Contexts are compared by shingles of three words (three characters in scripts without spaces). If a sentence is added or
cut, the rest stays equal, and chance hardly ever makes two texts share three words in a row. Questions are short and
inflected, so one changed suffix would spoil most of their word n-grams. They are compared by shingles of four
characters, and only with questions on the same or a near context.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from mlqa.data.examples import Examples, normalize_context
from mlqa.data.near_duplicates import Unit, build_shingles, concatenate_ranges, find_near_pairs

NEAR_CONTEXT, CONTEXT_WORDS = 0.6, 3
NEAR_QUESTION, QUESTION_CHARACTERS = 0.8, 4
WAYS = ("exact", "normalized", "near")
NONE = len(WAYS)


@dataclass(frozen=True)
class Leak:
    """Which rows of validation are in train.

    Attributes:
        way: Per row of validation, the index in `WAYS` of the first way that finds it in train, or `NONE` [rows].
        twin: Per row of validation, the row of train that matches it, or -1 [rows].
    """

    way: np.ndarray
    twin: np.ndarray

    def count_by_way(self) -> dict[str, int]:
        """Count the rows that each way, or one before it, finds."""
        return {name: int((self.way <= number).sum()) for number, name in enumerate(WAYS)}


def find_leakage(validation: Examples, train: Examples) -> tuple[Leak, Leak]:
    """Find questions that are in train with their context, and questions whose context is in train.

    Args:
        validation: The rows to look for.
        train: The rows to search.

    Returns:
        The leak of questions, then the leak of contexts.
    """
    contexts = _link_contexts(validation, train)
    return _find_question_leak(validation, train, contexts), _find_context_leak(validation, train, contexts)


@dataclass(frozen=True)
class _Links:
    """Pairs of a validation entry and a train entry, and the way in which they are the same [pairs]."""

    ours: np.ndarray
    theirs: np.ndarray
    way: np.ndarray
    similarity: np.ndarray

    def select_strongest(self, count: int) -> Leak:
        """Keep the strongest link of each of `count` validation entries."""
        order = np.lexsort((-self.similarity, self.way, self.ours))
        entries, first = np.unique(self.ours[order], return_index=True)
        leak = Leak(np.full(count, NONE), np.full(count, -1))
        leak.way[entries] = self.way[order][first]
        leak.twin[entries] = self.theirs[order][first]
        return leak


def _link_contexts(validation: Examples, train: Examples) -> _Links:
    plain = [normalize_context(context) for context in validation.contexts]
    same: defaultdict[str, list[int]] = defaultdict(list)
    for index, context in enumerate(train.contexts):
        same[normalize_context(context)].append(index)
    distinct = list(same)
    near = find_near_pairs(
        build_shingles(plain, Unit.word, CONTEXT_WORDS),
        build_shingles(distinct, Unit.word, CONTEXT_WORDS),
        NEAR_CONTEXT,
    )
    found: list[tuple[int, int, int, float]] = []
    for index, text, similarity in zip(*(part.tolist() for part in near), strict=True):
        for other in same[distinct[text]]:
            exact = validation.contexts[index] == train.contexts[other]
            found.append((index, other, 0 if exact else 1 if plain[index] == distinct[text] else 2, similarity))
    return _build_links(found)


def _find_context_leak(validation: Examples, train: Examples, contexts: _Links) -> Leak:
    of_contexts = contexts.select_strongest(len(validation.contexts))
    _, some_row = np.unique(train.context_of, return_index=True)
    twin = np.where(of_contexts.twin >= 0, some_row[of_contexts.twin], -1)
    return Leak(of_contexts.way[validation.context_of], twin[validation.context_of])


def _find_question_leak(validation: Examples, train: Examples, contexts: _Links) -> Leak:
    """Compare the questions of linked contexts only: the train context is the group within which they may match."""
    ours, link = _find_rows_by_context(contexts.ours, validation.context_of)
    theirs, group = _find_rows_by_context(np.unique(contexts.theirs), train.context_of)
    questions = [normalize_context(validation.questions[row]) for row in ours]
    others = [normalize_context(train.questions[row]) for row in theirs]
    near = find_near_pairs(
        build_shingles(questions, Unit.character, QUESTION_CHARACTERS, contexts.theirs[link]),
        build_shingles(others, Unit.character, QUESTION_CHARACTERS, np.unique(contexts.theirs)[group]),
        NEAR_QUESTION,
    )
    found: list[tuple[int, int, int, float]] = []
    for entry, other, similarity in zip(*(part.tolist() for part in near), strict=True):
        row, twin = int(ours[entry]), int(theirs[other])
        exact = validation.questions[row] == train.questions[twin]
        way = 0 if exact else 1 if questions[entry] == others[other] else 2
        found.append((row, twin, max(way, int(contexts.way[link[entry]])), similarity))
    return _build_links(found).select_strongest(len(validation))


def _find_rows_by_context(contexts: np.ndarray, context_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of each of `contexts`, and the index in `contexts` of each of these rows."""
    order = np.argsort(context_of, kind="stable")
    ordered = context_of[order]
    low = np.searchsorted(ordered, contexts, side="left")
    counts = np.searchsorted(ordered, contexts, side="right") - low
    return order[concatenate_ranges(low, counts)], np.repeat(np.arange(len(contexts)), counts)


def _build_links(found: list[tuple[int, int, int, float]]) -> _Links:
    ours, theirs, way, similarity = zip(*found, strict=True) if found else ((), (), (), ())
    return _Links(
        np.array(ours, dtype=np.int64),
        np.array(theirs, dtype=np.int64),
        np.array(way, dtype=np.int64),
        np.array(similarity, dtype=float),
    )
