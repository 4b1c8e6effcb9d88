"""Predictions to the numbers of result.json, and the control that shows what they are worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlqa.data.examples import Examples
from mlqa.errors import DataError
from mlqa.metrics import bootstrap
from mlqa.metrics.breakdown import Group, break_down_scores
from mlqa.metrics.language_rules import LanguageRules
from mlqa.metrics.no_answer import apply_threshold, find_best_thresholds, score_by_answerability
from mlqa.metrics.squad import SquadScores, Version, compute_squad_scores, normalize_answer

NAMES = ("exact_match", "f1")
CONTROL_SEED = 0


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
    """The metrics of result.json, flat; scores and the bounds of their intervals on the 0-100 scale.

    exact_match, f1                       official, by the script of `version`
    exact_match_language, f1_language     the same by the language's `rules`
    ..._unseen, ..._language_unseen       both over the rows whose context is not in train: `unseen`, boolean [rows]
    ..._ci_low, ..._ci_high               95 % interval of each of these, with `intervals` (see mlqa.metrics.bootstrap)
    total, total_unseen                   rows
    HasAns_..., NoAns_...                 with "2.0": official scores of rows with and without a gold answer
    best_exact, best_f1, best_..._thresh  with "2.0" and `null_odds` (see mlqa.metrics.no_answer.find_best_thresholds)

    `predictions` has one text a row, None for a row that was not predicted (0 points). `null_odds` are the odds of no
    answer, one a row; `best_answers` the answers without any threshold, for which the best one is sought (default: the
    predictions); `odds_order` the rows as a file of odds has them. With `na_prob_thresh`, no answer takes the place of
    the predictions whose odds exceed it, as in the official script.
    Scores of unseen rows are absent where there are none, and all that concerns them without `unseen`.
    Raises DataError for no rows and for sequences that do not fit them.
    """
    golds = [examples.get_gold_texts(row) for row in range(len(examples))]
    has_answer = [bool(answers) for answers in examples.answers]
    pairs: dict[str, SquadScores] = {}
    for suffix, normalize in (("", normalize_answer), ("_language", rules.normalize)):
        scores = compute_squad_scores(predictions, golds, version, normalize)
        if null_odds is not None and na_prob_thresh is not None:
            scores = apply_threshold(scores, predictions, has_answer, null_odds, na_prob_thresh)
        pairs[suffix] = scores

    metrics = _compute_means(pairs)
    totals = {"total": len(examples)}
    if intervals:
        metrics |= _compute_intervals(pairs, examples.context_of)
    if unseen is not None:
        rows = np.flatnonzero(_check_length(unseen, len(examples)))
        totals["total_unseen"] = len(rows)
        if len(rows):
            parts = {f"{suffix}_unseen": scores.select(rows.tolist()) for suffix, scores in pairs.items()}
            metrics |= _compute_means(parts)
            if intervals:
                metrics |= _compute_intervals(parts, examples.context_of[rows])
    if version == "2.0":
        metrics |= score_by_answerability(pairs[""], has_answer)
        if null_odds is not None:
            answers = predictions if best_answers is None else best_answers
            raw = compute_squad_scores(answers, golds, version)
            metrics |= find_best_thresholds(raw, answers, has_answer, null_odds, odds_order)
    return {**metrics, **totals}


def compute_breakdown(
    predictions: Sequence[str | None],
    examples: Examples,
    *,
    rules: LanguageRules,
    version: Version = "1.1",
    null_odds: Sequence[float] | None = None,
    na_prob_thresh: float | None = None,
    on_tokens: np.ndarray | None = None,
) -> dict[str, dict[str, Group]]:
    """Official EM and F1 by question type, answer length, answer form, morphology and, with `on_tokens`, by whether the
    gold stands on token boundaries: see mlqa.metrics.breakdown.

    The other arguments are those of `score`. May take seconds for Turkish, whose words are analysed.
    """
    scores = compute_squad_scores(predictions, [examples.get_gold_texts(row) for row in range(len(examples))], version)
    if null_odds is not None and na_prob_thresh is not None:
        has_answer = [bool(answers) for answers in examples.answers]
        scores = apply_threshold(scores, predictions, has_answer, null_odds, na_prob_thresh)
    return break_down_scores(scores, examples, rules, on_tokens)


def _check_length(unseen: np.ndarray, rows: int) -> np.ndarray:
    if len(unseen) != rows:
        raise DataError(f"unseen has {len(unseen)} entries for {rows} rows: give one a row")
    return unseen


def _compute_means(pairs: dict[str, SquadScores]) -> dict[str, float]:
    return {f"{name}{suffix}": getattr(scores, name) for suffix, scores in pairs.items() for name in NAMES}


def _compute_intervals(pairs: dict[str, SquadScores], context_of: np.ndarray) -> dict[str, float]:
    rows = {f"exact_match{suffix}": scores.exact_rows for suffix, scores in pairs.items()}
    rows |= {f"f1{suffix}": scores.f1_rows for suffix, scores in pairs.items()}
    found = bootstrap.estimate_intervals(rows, context_of)
    return {
        f"{name}_ci_{side}": bound
        for name, pair in found.items()
        for side, bound in zip(("low", "high"), pair, strict=True)
    }


def shuffle_questions(examples: Examples) -> list[str]:
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
