"""The data with which the page shows the answers of two treatments side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlqa.metrics.groups import GROUPINGS, OF_A_TOKENIZER
from mlqa.report.comparison import Comparison

# What a page shows of a large data set: whole contexts, drawn at random, until there are so many questions or answers.
# SQuAD 2.0's dev split of 11,873 questions is still shown whole for ten runs.
MOST_QUESTIONS = 12_000
MOST_ANSWERS = 120_000
ALWAYS_SHOWN = 1_000  # questions, however many runs there are
SEED = 0  # the same questions in every report on a data set

MISSING = "missing"  # the group of a question that a run did not classify


def build_browser_data(comparison: Comparison, most: int | None = None) -> dict[str, Any] | None:
    """Build the data of the answer browser.

    Args:
        comparison: The treatments of one data set.
        most: How many questions to show, at most. None means the page's own limit.

    Returns:
        None if fewer than two treatments were compared question by question, or no question is to be shown. Otherwise
        values that can be written as JSON. Equal answers to a question are written once:

        total: The number of questions, also of those that are not shown.
        names: The names of the treatments.
        seeds: The seeds of each treatment.
        contexts: Each text once.
        questions: [[id, question, index of its context, [gold, ...]], ...]
        answers: For each question, its distinct answers as [text or null, exact (0 or 1), F1 in per cent].
        given: For each treatment and seed, the index of the answer to each question.
        groups: [[title, [names of its groups], [index of the group of each question]], ...]
    """
    if comparison.questions is None or len(comparison.compared) < 2 or most == 0:
        return None
    questions = comparison.questions
    rows = choose_shown_rows(questions.context_of, sum(map(len, comparison.scores)), most).tolist()
    context_of = questions.context_of[rows].tolist()
    numbers = {context: index for index, context in enumerate(dict.fromkeys(context_of))}
    distinct: list[dict[str | None, int]] = [{} for _ in rows]
    answers: list[list[list[Any]]] = [[] for _ in rows]
    given = []
    for seeds in comparison.scores:
        of_treatment = []
        for of_seed in seeds:
            _, scores = of_seed.runs[0]
            exact, f1 = scores.exact[rows].tolist(), scores.f1[rows].tolist()
            of_run = []
            for place, row in enumerate(rows):
                answer = scores.answers[row]
                if answer not in distinct[place]:
                    distinct[place][answer] = len(answers[place])
                    answers[place].append([answer, int(exact[place]), round(100 * f1[place], 1)])
                of_run.append(distinct[place][answer])
            of_treatment.append(of_run)
        given.append(of_treatment)
    return {
        "total": len(questions.names),
        "names": [one.name for one in comparison.compared],
        "seeds": [[of_seed.seed for of_seed in seeds] for seeds in comparison.scores],
        "contexts": [questions.contexts.get(context, "") for context in numbers],
        "questions": [
            [questions.names[row], questions.texts[row], numbers[context], questions.golds[row]]
            for row, context in zip(rows, context_of, strict=True)
        ],
        "answers": answers,
        "given": given,
        "groups": _list_groups([questions.groups[row] for row in rows]),
    }


def choose_shown_rows(context_of: np.ndarray, runs: int, chosen: int | None = None) -> np.ndarray:
    """Choose the questions that a page shows: all of them, or those of contexts drawn at random if they are too many.

    Args:
        context_of: Integer [questions].
        runs: How many answers each question has.
        chosen: The most questions that the user wants, or None.

    Returns:
        Rising indices of questions.
    """
    most = min(MOST_QUESTIONS, max(ALWAYS_SHOWN, MOST_ANSWERS // runs))
    most = most if chosen is None else min(most, chosen)
    if len(context_of) <= most:
        return np.arange(len(context_of))
    _, index, sizes = np.unique(context_of, return_inverse=True, return_counts=True)
    order = np.random.default_rng(SEED).permutation(len(sizes))
    is_shown = np.zeros(len(sizes), dtype=bool)
    is_shown[order[np.cumsum(sizes[order]) <= most]] = True
    if not is_shown.any():  # the first context alone has more
        return np.flatnonzero(index == order[0])[:most]
    return np.flatnonzero(is_shown[index])


def describe_sample(browser: dict[str, Any]) -> str:
    """Say which questions the page shows if they are not all. `browser` is what `build_browser_data` returned."""
    shown, total = len(browser["questions"]), browser["total"]
    if shown == total:
        return ""
    return (
        f"The page shows {shown:,} of {total:,} questions: those of {len(browser['contexts']):,} contexts, drawn at "
        "random. All other figures of the report are of all questions, and each run's scores.jsonl has their answers."
    )


def _list_groups(of_questions: list[dict[str, str]]) -> list[list[Any]]:
    groups = []
    for name in dict.fromkeys(name for of_one in of_questions for name in of_one if name not in OF_A_TOKENIZER):
        found = [of_one.get(name, MISSING) for of_one in of_questions]
        values = list(dict.fromkeys(found))
        known = GROUPINGS.get(name)
        if len(values) > 1:
            title = known.label if known else name.replace("_", " ")
            groups.append([title, values, [values.index(value) for value in found]])
    return groups
