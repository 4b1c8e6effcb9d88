"""What the page needs to show two models' answers to every question side by side, as plain data."""

from __future__ import annotations

from typing import Any

from mlqa.report.comparison import Comparison


def build_browser_data(comparison: Comparison) -> dict[str, Any] | None:
    """None where fewer than two configurations were compared question by question. Else:

    names      of the configurations
    contexts   each text once
    questions  [[id, question, index of its context, [gold, ...]], ...]
    answers    a list a configuration: its answer to each question (of its first seed), null for none
    exact, f1  a list a configuration: scores of those answers, F1 in per cent
    """
    if comparison.questions is None or len(comparison.compared) < 2:
        return None
    questions = comparison.questions
    numbers = {context: index for index, context in enumerate(dict.fromkeys(questions.context_of.tolist()))}
    return {
        "names": [one.name for one in comparison.compared],
        "contexts": [questions.contexts.get(context, "") for context in numbers],
        "questions": [
            [name, text, numbers[context], golds]
            for name, text, context, golds in zip(
                questions.names, questions.texts, questions.context_of.tolist(), questions.golds, strict=True
            )
        ],
        "answers": [seeds[0].answers for seeds in comparison.scores],
        "exact": [[int(value) for value in seeds[0].exact] for seeds in comparison.scores],
        "f1": [[round(100 * float(value), 1) for value in seeds[0].f1] for seeds in comparison.scores],
    }
