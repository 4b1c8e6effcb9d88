"""Group questions by what the tokenizer does to the words of their answers, and by how rare these words are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from mlqa.data.examples import Answer, Examples
from mlqa.features.tokens import Tokens
from mlqa.metrics.groups import (
    CONTINUED,
    CUT_WRONGLY,
    FREQUENT,
    NO_ANSWER,
    NO_SUFFIX,
    NOT_CUT,
    RARE,
    UNKNOWN,
    WHOLE_WORDS,
)
from mlqa.tokenization.morphemes import compute_agreement
from mlqa.tokenization.morphology import read_words
from mlqa.tokenization.readings import Found, Lexicon

RAREST = 2  # a word that occurs no more often in the contexts of train is rare
_WORD = re.compile(r"\S+")
Word = tuple[str, frozenset[int]]  # a white-space word, and the offsets in it at which a token begins


def classify_golds(
    examples: Examples, context: Tokens, lexicon: Lexicon, counted: Mapping[str, int]
) -> dict[str, list[str]]:
    """Return the groups of every question by the words of the context that its first gold answer touches.

    Args:
        examples: The questions.
        context: Tokens of `examples.contexts`.
        lexicon: The lexicon of the language.
        counted: {word between white space: occurrences in the contexts of train}. Empty if there is no train split.

    Returns:
        {grouping: [group of each question]}:

        - gold_words: `continued` if any word is split into several tokens, else `whole`.
        - gold_suffixes: `cut_wrongly` if a token begins inside a suffix of any word, by the reading that fits the
          tokens best, else `not_cut`, or `no_suffix` if no word has one. `unknown` if a word has no reading. Absent if
          the language has no analyzer.
        - gold_rarity: `rare` if any word occurs at most `RAREST` times in train, else `frequent`. Absent without a
          train split.
    """
    words = [_list_words(examples, context, row) for row in range(len(examples))]
    groups = {"gold_words": [_join(of_one, lambda word: bool(word[1]), CONTINUED, WHOLE_WORDS) for of_one in words]}
    if lexicon.language.analyser is not None:
        found = read_words({word for of_one in words for word, _ in of_one or ()}, lexicon)
        if found or not any(words):
            groups["gold_suffixes"] = [_classify_suffixes(of_one, found) for of_one in words]
    if counted:
        groups["gold_rarity"] = [
            _join(of_one, lambda word: counted.get(word[0], 0) <= RAREST, RARE, FREQUENT) for of_one in words
        ]
    return groups


def _list_words(examples: Examples, context: Tokens, row: int) -> list[Word] | None:
    """Return the words of the context that the first gold touches, None without an answer."""
    if not examples.answers[row]:
        return None
    answer: Answer = examples.answers[row][0]
    number = int(examples.context_of[row])
    text = examples.contexts[number]
    first, end = int(context.first[number]), int(context.first[number + 1])
    starts = context.starts[first:end]
    words = []
    for match in _WORD.finditer(text):
        if match.start() < answer.start + len(answer.text) and match.end() > answer.start:
            inside = starts[np.searchsorted(starts, match.start(), "right") : np.searchsorted(starts, match.end())]
            words.append((match.group(), frozenset((inside - match.start()).tolist())))
    return words


def _join(words: Sequence[Word] | None, has: Callable[[Word], bool], group: str, other: str) -> str:
    """Return `group` if any word has the property, `other` if none has, `NO_ANSWER` without an answer."""
    if words is None:
        return NO_ANSWER
    return group if any(has(word) for word in words) else other


def _classify_suffixes(words: Sequence[Word] | None, found: Mapping[str, Found]) -> str:
    if words is None:
        return NO_ANSWER
    groups = {_classify_word(cuts, found[word]) for word, cuts in words}
    return next((group for group in (CUT_WRONGLY, UNKNOWN, NOT_CUT) if group in groups), NO_SUFFIX)


def _classify_word(cuts: frozenset[int], found: Found) -> str:
    if not found.readings:
        return UNKNOWN
    best = max(found.readings, key=lambda way: compute_agreement(cuts, frozenset(way.find_places()[1:-1])))
    places = best.find_places()
    if len(best.parts) == 1:
        return NO_SUFFIX
    is_cut = any(begin < cut < end for begin, end in pairwise(places[1:]) for cut in cuts)
    return CUT_WRONGLY if is_cut else NOT_CUT
