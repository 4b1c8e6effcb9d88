"""Scores of parts of a data set: by what is asked, by the length of the answer, by the form it stands in.

Every grouping puts each row into exactly one group, so that the totals of a grouping add up to all rows, and its
scores, weighted by them, to the score of all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mlqa.data.examples import Answer, Examples
from mlqa.data.language import load_language
from mlqa.data.scripts import APOSTROPHES
from mlqa.metrics.language_rules import LanguageRules
from mlqa.metrics.squad import SquadScores
from mlqa.tokenization.morphology import classify_inflections, count_morphemes

Group = dict[str, float]
NO_ANSWER = "none"
OTHER = "other"  # the type of a question that no pattern matches
# The longest answers of a group, in words.
LENGTHS = {1: "1", 2: "2", 5: "3-5", 10: "6-10"}
LONGEST = "11+"
FORMS = ("whole_word", "suffix_follows", "apostrophe_suffix_follows", NO_ANSWER)
INFLECTIONS = ("inflected", "bare", "unknown", NO_ANSWER)
MORPHEMES = ("1", "2", "3", "4", "5+", "unknown", NO_ANSWER)
BOUNDARIES = ("on_tokens", "inside_a_token", NO_ANSWER)


def break_down_scores(
    scores: SquadScores, examples: Examples, rules: LanguageRules, on_tokens: np.ndarray | None = None
) -> dict[str, dict[str, Group]]:
    """{grouping: {group: {"total", "exact_match", "f1"}}}, means on the 0-100 scale; groups without rows are absent.

    question_type  the first type of `rules.question_words` that a word of the question fits; else "other"
    answer_length  words (between white space) of the first gold: 1, 2, 3-5, 6-10, 11+; "none" without a gold
    answer_form    how the text goes on after the first gold (see `answer_form`); "none" without a gold
    inflection     Turkish only, and only where zeyrek is installed: whether the first gold's last word carries an
                   inflectional suffix (see mlqa.tokenization.morphology); "none" without a gold
    """
    firsts = [answers[0] if answers else None for answers in examples.answers]
    type_of = build_question_classifier(rules)
    groupings: dict[str, tuple[list[str], Sequence[str]]] = {
        "question_type": ([type_of(question) for question in examples.questions], [*rules.question_words, OTHER]),
        "answer_length": ([classify_answer_length(first) for first in firsts], [*LENGTHS.values(), LONGEST, NO_ANSWER]),
        "answer_form": (
            [classify_answer_form(first, examples.get_context(row)) for row, first in enumerate(firsts)],
            FORMS,
        ),
    }
    if load_language(rules.language).analyser:
        words = {first.text.split()[-1] for first in firsts if first is not None}
        found = classify_inflections(words)
        if found is not None:
            of_rows = [NO_ANSWER if first is None else found[first.text.split()[-1]] for first in firsts]
            groupings["inflection"] = (of_rows, INFLECTIONS)
        counts = count_morphemes({word for first in firsts if first is not None for word in first.text.split()})
        if counts is not None:
            groupings["answer_morphemes"] = ([classify_answer_morphemes(first, counts) for first in firsts], MORPHEMES)
    if on_tokens is not None:
        of_rows = [
            NO_ANSWER if first is None else BOUNDARIES[not whole]
            for first, whole in zip(firsts, on_tokens, strict=True)
        ]
        groupings["token_boundary"] = (of_rows, BOUNDARIES)
    return {name: _score_groups(scores, labels, order) for name, (labels, order) in groupings.items()}


def _score_groups(scores: SquadScores, labels: list[str], order: Sequence[str]) -> dict[str, Group]:
    rows: dict[str, list[int]] = {name: [] for name in order}
    for row, label in enumerate(labels):
        rows[label].append(row)
    parts = {name: scores.select(members) for name, members in rows.items() if members}
    return {name: {"total": part.total, "exact_match": part.exact_match, "f1": part.f1} for name, part in parts.items()}


def build_question_classifier(rules: LanguageRules) -> Callable[[str], str]:
    """A function from a question to its type, by the words of `rules.question_words`."""
    patterns = _compile_patterns(rules.question_words, rules)

    def type_of(question: str) -> str:
        words = _normalize_words(question, rules)
        return next((name for name, pattern in patterns if pattern.search(words)), OTHER)

    return type_of


def _compile_patterns(table: Mapping[str, Sequence[str]], rules: LanguageRules) -> list[tuple[str, re.Pattern[str]]]:
    compiled = []
    for name, entries in table.items():
        parts = []
        for entry in entries:
            stem = re.escape(_normalize_words(entry.removesuffix("*"), rules))
            if stem:
                parts.append(stem + (r"\S*" if entry.endswith("*") else ""))
        if parts:
            compiled.append((name, re.compile(rf"(?<!\S)(?:{'|'.join(parts)})(?!\S)")))
    return compiled


def _normalize_words(text: str, rules: LanguageRules) -> str:
    """The text's words as the language compares them; apostrophes and hyphens part words here (kim'dir, ne-zaman)."""
    parted = "".join(
        " " if letter in APOSTROPHES or unicodedata.category(letter)[0] == "P" else letter for letter in text
    )
    return rules.normalize_words(parted)


def classify_answer_length(answer: Answer | None) -> str:
    """The group of an answer's number of words."""
    if answer is None:
        return NO_ANSWER
    words = len(answer.text.split())
    return next((name for longest, name in LENGTHS.items() if words <= longest), LONGEST)


def classify_answer_morphemes(answer: Answer | None, counts: Mapping[str, int | None]) -> str:
    """The group of an answer's number of morphemes, its words' added up."""
    if answer is None:
        return NO_ANSWER
    found = [counts[word] for word in answer.text.split()]
    known = [count for count in found if count is not None]
    if len(known) < len(found):
        return "unknown"
    return str(sum(known)) if sum(known) < 5 else "5+"


def classify_answer_form(answer: Answer | None, context: str) -> str:
    """How the context goes on after an answer: `suffix_follows` where a letter, mark or digit does (Basra valiliği|ne),
    `apostrophe_suffix_follows` where an apostrophe and a letter do (Ankara|'da), else `whole_word`."""
    if answer is None:
        return NO_ANSWER
    rest = context[answer.end : answer.end + 2]
    if rest and rest[0] in APOSTROPHES:  # to Unicode, some of them are letters
        goes_on = len(rest) == 2 and unicodedata.category(rest[1])[0] == "L"
        return "apostrophe_suffix_follows" if goes_on else "whole_word"
    return "suffix_follows" if rest and unicodedata.category(rest[0])[0] in "LMN" else "whole_word"
