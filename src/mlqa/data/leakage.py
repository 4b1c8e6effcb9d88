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

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mlqa.data.examples import Examples, normalize_context
from mlqa.data.near_duplicates import Unit, build_shingles, find_near_pairs

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
    links = _link_contexts(validation, train)
    of_contexts = _select_strongest(links, len(validation.contexts))
    _, some_row = np.unique(train.context_of, return_index=True)
    twin = np.where(of_contexts.twin >= 0, some_row[of_contexts.twin], -1)
    contexts = Leak(of_contexts.way[validation.context_of], twin[validation.context_of])
    return _select_strongest(_link_questions(validation, train, links), len(validation)), contexts


def find_shared_contexts(examples: Examples, other: Examples) -> np.ndarray:
    """Find the rows whose context is in another split, the same or nearly the same.

    Args:
        examples: The rows to look at.
        other: The split to search.

    Returns:
        A Boolean array [rows of examples].
    """
    shared = np.zeros(len(examples.contexts), dtype=bool)
    shared[[link.ours for link in _link_contexts(examples, other)]] = True
    return np.asarray(shared[examples.context_of], dtype=bool)


def find_related_contexts(examples: Examples) -> np.ndarray:
    """Put the contexts of a split into groups: contexts that are nearly the same, directly or by others between them.

    Returns:
        The number of each context's group, from 0 [contexts].
    """
    group_of = list(range(len(examples.contexts)))

    def find(context: int) -> int:
        while group_of[context] != context:
            group_of[context] = context = group_of[group_of[context]]
        return context

    for link in _link_contexts(examples, examples):
        group_of[find(link.ours)] = find(link.theirs)
    return np.unique([find(context) for context in group_of], return_inverse=True)[1]


class _Link(NamedTuple):
    """An entry of validation and one of train that are the same in a way, an index in `WAYS`."""

    ours: int
    theirs: int
    way: int
    similarity: float


def _select_strongest(links: Iterable[_Link], count: int) -> Leak:
    """Keep the strongest link of each of `count` validation entries."""
    leak = Leak(np.full(count, NONE), np.full(count, -1))
    for link in sorted(links, key=lambda link: (link.way, -link.similarity)):
        if leak.way[link.ours] == NONE:
            leak.way[link.ours], leak.twin[link.ours] = link.way, link.theirs
    return leak


def _link_contexts(validation: Examples, train: Examples) -> list[_Link]:
    plain = [normalize_context(context) for context in validation.contexts]
    same: defaultdict[str, list[int]] = defaultdict(list)
    for index, context in enumerate(train.contexts):
        same[normalize_context(context)].append(index)
    distinct = list(same)
    ours, theirs = ([build_shingles(text, Unit.word, CONTEXT_WORDS) for text in texts] for texts in (plain, distinct))
    return [
        _Link(index, other, _find_way(validation.contexts[index], train.contexts[other]), similarity)
        for index, text, similarity in find_near_pairs(ours, theirs, NEAR_CONTEXT)
        for other in same[distinct[text]]
    ]


def _link_questions(validation: Examples, train: Examples, contexts: list[_Link]) -> Iterator[_Link]:
    """Compare the questions of linked contexts only. A question's way is no stronger than that of its context."""
    rows, train_rows = _group_rows(validation), _group_rows(train)
    for context in contexts:
        ours, theirs = rows[context.ours], train_rows[context.theirs]
        near = find_near_pairs(
            [_build_question_shingles(validation.questions[row]) for row in ours],
            [_build_question_shingles(train.questions[row]) for row in theirs],
            NEAR_QUESTION,
        )
        for entry, other, similarity in near:
            row, twin = ours[entry], theirs[other]
            way = _find_way(validation.questions[row], train.questions[twin])
            yield _Link(row, twin, max(way, context.way), similarity)


@functools.lru_cache(maxsize=10_000)  # a context may have several links
def _build_question_shingles(question: str) -> np.ndarray:
    return build_shingles(normalize_context(question), Unit.character, QUESTION_CHARACTERS)


def _find_way(text: str, other: str) -> int:
    """Return the index in `WAYS` of the first way in which two near texts are the same."""
    return 0 if text == other else 1 if normalize_context(text) == normalize_context(other) else 2


def _group_rows(examples: Examples) -> defaultdict[int, list[int]]:
    """Return the rows of each context."""
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for row, context in enumerate(examples.context_of.tolist()):
        rows[context].append(row)
    return rows
