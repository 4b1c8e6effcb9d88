"""The data with which the page shows the answers of two treatments side by side."""

from __future__ import annotations

from typing import Any

from mlqa.metrics.groups import GROUPINGS, OF_A_TOKENIZER
from mlqa.report.comparison import Comparison

MISSING = "missing"  # the group of a question that a run did not classify


def build_browser_data(comparison: Comparison) -> dict[str, Any] | None:
    """Build the data of the answer browser.

    Args:
        comparison: The treatments of one data set.

    Returns:
        None if fewer than two treatments were compared question by question. Otherwise values that can be written as
        JSON. Equal answers to a question are written once:

        names: The names of the treatments.
        seeds: The seeds of each treatment.
        contexts: Each text once.
        questions: [[id, question, index of its context, [gold, ...]], ...]
        answers: For each question, its distinct answers as [text or null, exact (0 or 1), F1 in per cent].
        given: For each treatment and seed, the index of the answer to each question.
        groups: [[title, [names of its groups], [index of the group of each question]], ...]
    """
    if comparison.questions is None or len(comparison.compared) < 2:
        return None
    questions = comparison.questions
    numbers = {context: index for index, context in enumerate(dict.fromkeys(questions.context_of.tolist()))}
    distinct: list[dict[str | None, int]] = [{} for _ in questions.names]
    answers: list[list[list[Any]]] = [[] for _ in questions.names]
    given = []
    for seeds in comparison.scores:
        of_treatment = []
        for of_seed in seeds:
            _, scores = of_seed.runs[0]
            exact, f1 = scores.exact.tolist(), scores.f1.tolist()
            of_run = []
            for row, answer in enumerate(scores.answers):
                if answer not in distinct[row]:
                    distinct[row][answer] = len(answers[row])
                    answers[row].append([answer, int(exact[row]), round(100 * f1[row], 1)])
                of_run.append(distinct[row][answer])
            of_treatment.append(of_run)
        given.append(of_treatment)
    return {
        "names": [one.name for one in comparison.compared],
        "seeds": [[of_seed.seed for of_seed in seeds] for seeds in comparison.scores],
        "contexts": [questions.contexts.get(context, "") for context in numbers],
        "questions": [
            [name, text, numbers[context], golds]
            for name, text, context, golds in zip(
                questions.names, questions.texts, questions.context_of.tolist(), questions.golds, strict=True
            )
        ],
        "answers": answers,
        "given": given,
        "groups": _list_groups(questions.groups),
    }


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
