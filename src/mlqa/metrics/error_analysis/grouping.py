"""Put wrong answers into groups by what is wrong with them. Needs scores.jsonl alone.

Each wrong answer is in exactly one group, the first in the order of `GROUPS` that fits. An answer is wrong if it is no
exact match by SQuAD's script. scores.jsonl has texts and no offsets, so an answer that occurs several times in its
passage is taken where it is closest to a gold. docs/errors.md explains each group with an example.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mlqa.data.language import Words
from mlqa.data.scripts import APOSTROPHES
from mlqa.metrics.error_analysis.sentences import find_sentence_ends
from mlqa.metrics.language_rules import LanguageRules

CONFIDENT = 0.8  # a calibrated probability from which on an answer that shares no word with the gold speaks against it
# {group: label}, in the order in which they are tried and shown.
GROUPS = {
    "answered": "answered, but the passage has no answer",
    "withheld": "no answer, but the passage has one",
    "rules": "right by the language's rules",
    "doubtful": "the gold answer is doubtful",
    "elsewhere": "the answer is not in the passage",
    "suffix_long": "too long by a suffix",
    "suffix_short": "too short by a suffix",
    "long": "too long",
    "short": "too short",
    "shifted": "overlaps the gold answer",
    "sentence": "from another sentence",
    "kind": "right sentence, another kind of answer",
    "place": "right sentence, another place",
}
Span = tuple[int, int]


@dataclass(frozen=True)
class WrongAnswer:
    """A wrong answer and its group.

    Attributes:
        row: Its line of scores.jsonl.
        context: The passage.
        group: A key of `GROUPS`.
        gold: The gold answer that it was compared with, "" if there is none.
    """

    row: Mapping[str, Any]
    context: str
    group: str
    gold: str


@dataclass(frozen=True)
class ErrorGroup:
    """The wrong answers of a group.

    Attributes:
        name: A key of `GROUPS`.
        members: The wrong answers.
        share: Its share of all wrong answers, 0-1.
        lost: Points of F1 that the group costs, over all questions of the split.
    """

    name: str
    members: Sequence[WrongAnswer]
    share: float
    lost: float


def find_wrong_answers(rows: Sequence[Mapping[str, Any]], rules: LanguageRules) -> list[WrongAnswer]:
    """Return the wrong answers of a split in its order.

    Args:
        rows: The lines of `read_score_rows`.
        rules: The rules of the language.
    """
    contexts = {row["context"]: row["context_text"] for row in rows if "context_text" in row}
    return [classify_answer(row, contexts[row["context"]], rules) for row in rows if row["exact_match"] < 1]


def group_wrong_answers(wrong: Sequence[WrongAnswer], total: int) -> list[ErrorGroup]:
    """Return the groups that have members, in the order of `GROUPS`.

    Args:
        wrong: The answers from `find_wrong_answers`.
        total: Number of questions of the split.
    """
    groups = []
    for name in GROUPS:
        members = [each for each in wrong if each.group == name]
        if members:
            lost = 100.0 * sum(1.0 - each.row["f1"] for each in members) / total
            groups.append(ErrorGroup(name, members, len(members) / len(wrong), lost))
    return groups


def classify_answer(row: Mapping[str, Any], context: str, rules: LanguageRules) -> WrongAnswer:
    """Return the group of a wrong answer.

    Args:
        row: Its line of scores.jsonl.
        context: The passage.
        rules: The rules of the language.
    """
    answer, golds = row["answer"] or "", row["golds"]
    if not golds or not answer:
        return WrongAnswer(row, context, "withheld" if golds else "answered", golds[0] if golds else "")
    pairs = [
        (place, gold_place, gold)
        for gold in golds
        for gold_place in _find_places(gold, context)
        for place in _find_places(answer, context)
    ]
    # The closest pair: the longest overlap (a negative one is a distance).
    closest = max(pairs, key=lambda pair: _measure_overlap(pair[0], pair[1]), default=None)
    gold = golds[0] if closest is None else closest[2]

    def decide() -> str:
        if row.get("exact_match_language", 0) == 1:
            return "rules"
        if _is_doubtful(row, context, rules):
            return "doubtful"
        if closest is None:  # as an LLM may answer
            return "elsewhere"
        if _measure_overlap(closest[0], closest[1]) > 0:
            return _compare_bounds(closest[0], closest[1], context, rules)
        if not _share_sentence([pair[:2] for pair in pairs], context):
            return "sentence"
        return "kind" if classify_kind(answer) != classify_kind(gold) else "place"

    return WrongAnswer(row, context, decide(), gold)


def classify_kind(text: str) -> str:
    """Return what kind of answer a text is: "number" if it has a digit, "name" if all words begin with a capital."""
    if any(letter.isdigit() for letter in text):
        return "number"
    firsts = [word[0] for word in re.findall(r"\w+", text)]
    return "name" if firsts and all(letter.isupper() for letter in firsts) else "phrase"


def _is_doubtful(row: Mapping[str, Any], context: str, rules: LanguageRules) -> bool:
    """Return whether something speaks against the gold answers.

    No gold is in the passage, or two golds share no word, or the model is confident and shares no word with any gold.
    Source of the last: Northcutt et al. 2021, "Confident Learning" (arXiv 1911.00068).
    """
    words = [set(rules.split_words(rules.normalize(gold))) for gold in row["golds"]]
    if any(not first & second for first, second in pairwise(words)):
        return True
    probability = row.get("probability")
    is_confident = isinstance(probability, int | float) and probability >= CONFIDENT
    is_placed = any(_find_places(gold, context) for gold in row["golds"])
    return not is_placed or (is_confident and row.get("f1_language", row["f1"]) == 0)


def _compare_bounds(answer: Span, gold: Span, context: str, rules: LanguageRules) -> str:
    """Return how an answer that overlaps the gold is bounded."""
    (begin, end), (gold_begin, gold_end) = answer, gold
    if begin == gold_begin and rules.words_by is Words.whitespace:
        beyond = context[min(end, gold_end) : max(end, gold_end)]
        if _is_suffix(beyond):
            return "suffix_long" if end > gold_end else "suffix_short"
    if begin <= gold_begin and end >= gold_end:
        return "long"
    return "short" if begin >= gold_begin and end <= gold_end else "shifted"


def _is_suffix(text: str) -> bool:
    """Return whether a stretch behind a word goes on with the word: letters, perhaps after an apostrophe."""
    return bool(text) and (text[1:] if text[0] in APOSTROPHES else text).isalpha()


def _find_places(text: str, context: str) -> list[Span]:
    return list(_iter_places(text.strip(), context))


def _iter_places(text: str, context: str) -> Iterator[Span]:
    start = context.find(text) if text else -1
    while start >= 0:
        yield start, start + len(text)
        start = context.find(text, start + 1)


def _measure_overlap(first: Span, second: Span) -> int:
    """Return the number of characters that two places share, or minus their distance."""
    return min(first[1], second[1]) - max(first[0], second[0])


def _share_sentence(pairs: Sequence[tuple[Span, Span]], context: str) -> bool:
    """Return whether any place of the answer is in the sentence of any place of a gold."""
    ends = find_sentence_ends(context)

    def number(place: Span) -> int:
        return sum(end <= place[0] for end in ends)

    return any(number(place) == number(gold_place) for place, gold_place in pairs)
