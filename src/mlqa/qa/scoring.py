"""Predictions to the numbers of result.json, and the control that shows what they are worth."""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np

from mlqa.data.examples import Examples
from mlqa.qa.language import normalize_answer
from mlqa.qa.squad import squad_scores

NAMES = ("exact_match", "f1")
CONTROL_SEED = 0


def scores_of(predictions: list[str], examples: Examples, unseen: np.ndarray, language: str) -> dict[str, float]:
    """EM and F1 (0-100) of all rows: official, language-aware, and official on rows whose context is not in train.

    `unseen` is boolean [rows]. Where none is, exact_match_unseen and f1_unseen are absent.
    """
    golds = [[answer.text for answer in answers] for answers in examples.answers]
    rows = np.flatnonzero(unseen)
    scores = {
        "": squad_scores(predictions, golds),
        "_language": squad_scores(predictions, golds, normalize=partial(normalize_answer, language=language)),
    }
    if len(rows):
        scores["_unseen"] = squad_scores([predictions[row] for row in rows], [golds[row] for row in rows])
    metrics = {f"{name}{suffix}": getattr(score, name) for suffix, score in scores.items() for name in NAMES}
    return {**metrics, "total": len(examples), "total_unseen": len(rows)}


def exchanged_questions(examples: Examples) -> list[str]:
    """Every row's question replaced by another row's of the same context; the rows that are alone with their context
    exchange theirs among each other.

    A model that reads the question must score far lower on these; one that only guesses likely spans does not.
    """
    questions = list(examples.questions)
    random = np.random.default_rng(CONTROL_SEED)
    order = np.lexsort((random.random(len(examples)), examples.context_of))
    groups = np.split(order, np.flatnonzero(np.diff(examples.context_of[order])) + 1)
    alone = np.concatenate([np.zeros(0, dtype=np.int64), *(rows for rows in groups if len(rows) == 1)])
    for rows in [*(rows for rows in groups if len(rows) > 1), alone]:
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
