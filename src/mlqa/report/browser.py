"""The data with which the page shows the answers of two models side by side."""

from __future__ import annotations

from typing import Any

from mlqa.report.comparison import Comparison


def build_browser_data(comparison: Comparison) -> dict[str, Any] | None:
    """Build the data of the answer browser.

    Args:
        comparison: The configurations of one data set.

    Returns:
        None if fewer than two configurations were compared question by question. Otherwise values that can be written
        as JSON:

        names: Of the configurations.
        contexts: Each text once.
        questions: [[id, question, index of its context, [gold, ...]], ...]
        answers: For each configuration, the answers of its first seed by question, null if there is none.
        exact, f1: For each configuration, the scores of those answers, F1 in per cent.
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
