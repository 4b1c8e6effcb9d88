"""Predictions to the numbers of result.json, and the control that shows what they are worth."""

from __future__ import annotations

from collections import Counter

import numpy as np

from mlqa.data.examples import Examples
from mlqa.qa.squad import squad_scores

CONTROL_SEED = 0


def scores_of(predictions: list[str], examples: Examples, unseen: np.ndarray) -> dict[str, float]:
    """Official EM and F1 of all rows, and again of those whose context does not stand in train."""
    golds = [[answer.text for answer in answers] for answers in examples.answers]
    scores = {"": squad_scores(predictions, golds)}
    if unseen.any():
        rows = np.flatnonzero(unseen)
        scores["_unseen"] = squad_scores([predictions[row] for row in rows], [golds[row] for row in rows])
    return {
        f"{name}{suffix}": getattr(score, name)
        for suffix, score in scores.items()
        for name in ("exact_match", "f1", "total")
    }


def exchanged_questions(examples: Examples) -> list[str]:
    """Every row's question replaced by another row's of the same context, where it has several.

    A model that reads the question must score far lower on these; one that only guesses likely spans does not.
    """
    questions = list(examples.questions)
    random = np.random.default_rng(CONTROL_SEED)
    order = np.lexsort((random.random(len(examples)), examples.context_of))
    for rows in np.split(order, np.flatnonzero(np.diff(examples.context_of[order])) + 1):
        for row, other in zip(rows, np.roll(rows, 1), strict=True):
            questions[row] = examples.questions[other]
    return questions


def by_id(ids: list[str], predictions: list[str]) -> dict[str, str]:
    """{id: answer}; an id that occurs again is told apart by #2, #3 ..., so that no answer is lost."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for identifier, prediction in zip(ids, predictions, strict=True):
        seen[identifier] += 1
        found[identifier if seen[identifier] == 1 else f"{identifier}#{seen[identifier]}"] = prediction
    return found
