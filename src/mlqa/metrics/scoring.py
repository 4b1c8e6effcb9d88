"""Turn predictions into the numbers of result.json, and make the control that shows what the numbers are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlqa.data.examples import Examples
from mlqa.errors import DataError
from mlqa.metrics import bootstrap
from mlqa.metrics.language_rules import LanguageRules
from mlqa.metrics.no_answer import apply_threshold, find_best_thresholds, score_by_answerability
from mlqa.metrics.squad import SquadScores, Version, compute_squad_scores

NAMES = ("exact_match", "f1")
CONTROL_SEED = 0


@dataclass(frozen=True)
class QuestionScores:
    """The scores of every question: by SQuAD's official script, and by the rules of the language."""

    official: SquadScores
    language: SquadScores


def score_questions(
    predictions: Sequence[str | None],
    examples: Examples,
    *,
    rules: LanguageRules,
    version: Version = "1.1",
    null_odds: Sequence[float] | None = None,
    na_prob_thresh: float | None = None,
) -> QuestionScores:
    """Score each prediction against the gold answers of its row.

    Args:
        predictions: One text per row. None is a row that was not predicted (0 points).
        examples: The rows.
        rules: How the language compares answers.
        version: The version of SQuAD's script.
        null_odds: The odds of no answer, one per row.
        na_prob_thresh: If it is given, no answer takes the place of each prediction whose odds exceed it, as in the
            official script.

    Raises:
        DataError: There are no rows, or predictions or odds that do not fit them.
    """
    golds = [examples.get_gold_texts(row) for row in range(len(examples))]
    scores = [
        compute_squad_scores(predictions, golds, version),
        compute_squad_scores(predictions, golds, version, rules.normalize, rules.split_words),
    ]
    if null_odds is not None and na_prob_thresh is not None:
        has_answer = [examples.is_answerable(row) for row in range(len(examples))]
        scores = [apply_threshold(part, predictions, has_answer, null_odds, na_prob_thresh) for part in scores]
    return QuestionScores(*scores)


def score_predictions(
    predictions: Sequence[str | None],
    examples: Examples,
    *,
    rules: LanguageRules,
    unseen: np.ndarray | None = None,
    version: Version = "1.1",
    null_odds: Sequence[float] | None = None,
    best_answers: Sequence[str] | None = None,
    odds_order: Sequence[int] | None = None,
    na_prob_thresh: float | None = None,
    intervals: bool = True,
) -> dict[str, float]:
    """Return the metrics of result.json.

    Args:
        predictions: One text per row. None is a row that was not predicted (0 points).
        examples: The rows.
        rules: How the language compares answers.
        unseen: Boolean [rows], whether the context is not in train. None leaves out all scores of unseen rows.
        version: The version of SQuAD's script.
        null_odds: The odds of no answer, one per row.
        best_answers: The answers without any threshold, for which the best threshold is sought. Default: the
            predictions.
        odds_order: The rows in the order of a file of odds.
        na_prob_thresh: As in `score_questions`.
        intervals: Whether to estimate intervals.

    Returns:
        A flat mapping. Scores and the bounds of their intervals are on the 0-100 scale.

        exact_match, f1                       official, by the script of `version`
        exact_match_language, f1_language     the same by the language's `rules`
        ..._unseen, ..._language_unseen       both over the unseen rows, absent if there are none
        ..._ci_low, ..._ci_high               95 % interval of each of these (see mlqa.metrics.bootstrap)
        total, total_unseen                   rows
        HasAns_..., NoAns_...                 with "2.0": official scores of rows with and without a gold answer
        best_exact, best_f1, best_..._thresh  with "2.0" and `null_odds`: see `find_best_thresholds`

    Raises:
        DataError: There are no rows, or sequences that do not fit them.
    """
    scores = score_questions(
        predictions, examples, rules=rules, version=version, null_odds=null_odds, na_prob_thresh=na_prob_thresh
    )
    pairs = {"": scores.official, "_language": scores.language}
    metrics = _compute_means(pairs)
    totals = {"total": len(examples)}
    if intervals:
        metrics |= _compute_intervals(pairs, examples.context_of)
    if unseen is not None:
        if len(unseen) != len(examples):
            raise DataError(f"unseen has {len(unseen)} entries for {len(examples)} rows: give one per row")
        rows = np.flatnonzero(unseen)
        totals["total_unseen"] = len(rows)
        if len(rows):
            parts = {f"{suffix}_unseen": part.select(rows.tolist()) for suffix, part in pairs.items()}
            metrics |= _compute_means(parts)
            if intervals:
                metrics |= _compute_intervals(parts, examples.context_of[rows])
    if version == "2.0":
        has_answer = [examples.is_answerable(row) for row in range(len(examples))]
        metrics |= score_by_answerability(scores.official, has_answer)
        if null_odds is not None:
            answers = predictions if best_answers is None else best_answers
            golds = [examples.get_gold_texts(row) for row in range(len(examples))]
            raw = compute_squad_scores(answers, golds, version)
            metrics |= find_best_thresholds(raw, answers, has_answer, null_odds, odds_order)
    return {**metrics, **totals}


def _compute_means(pairs: Mapping[str, SquadScores]) -> dict[str, float]:
    return {f"{name}{suffix}": getattr(scores, name) for suffix, scores in pairs.items() for name in NAMES}


def _compute_intervals(pairs: Mapping[str, SquadScores], context_of: np.ndarray) -> dict[str, float]:
    rows = {f"exact_match{suffix}": scores.exact_rows for suffix, scores in pairs.items()}
    rows |= {f"f1{suffix}": scores.f1_rows for suffix, scores in pairs.items()}
    intervals = bootstrap.estimate_intervals(rows, context_of)
    return {
        f"{name}_ci_{side}": bound
        for name, bounds in intervals.items()
        for side, bound in zip(("low", "high"), bounds, strict=True)
    }


def shuffle_questions(examples: Examples) -> list[str]:
    """Return every row's question replaced by that of another row of the same context.

    Rows that are alone with their context swap their questions with each other. A model that reads the question
    must score far lower on these than on the real ones. A model that only guesses likely spans does not.
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
