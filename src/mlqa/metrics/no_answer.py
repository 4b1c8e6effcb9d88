"""Decide when a question has no answer, and compute the official SQuAD 2.0 scores that depend on it.

Source: Rajpurkar et al. 2018, evaluate-v2.0.py with --na-prob-file and --na-prob-thresh. The scores equal the script's
to the last bit. Null odds, the odds that a row has no answer, may be probabilities or differences of scores. Only their
order and the threshold on their scale matter.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mlqa.data.examples import Examples
from mlqa.errors import DataError
from mlqa.metrics.squad import SquadScores, Version

if TYPE_CHECKING:
    from mlqa.answers.decoding import Candidate


def detect_squad_version(*splits: Examples) -> Version:
    """Return the version of the script to score a data set by: "2.0" if any split has an unanswerable question."""
    return "2.0" if any(split.has_unanswerable for split in splits) else "1.1"


def find_best_answer(candidates: Sequence[Candidate]) -> str:
    """Return the text of the best real answer among candidates of `decode_n_best`, or "" if there is none."""
    return next((candidate.text for candidate in candidates if candidate.text), "")


def compute_null_odds(candidates: Sequence[Candidate]) -> float:
    """Compute the score of "no answer" minus that of the best real answer.

    Args:
        candidates: Candidates of a row, best first, made by `decode_n_best` with `with_null`.

    Returns:
        The null odds. Above 0, the model prefers not to answer. If there is no real answer, they are the greatest
        float, because JSON has no infinity.

    Raises:
        DataError: If "no answer" is not among the candidates.
    """
    null = next((candidate.score for candidate in candidates if not candidate.text), None)
    real = next((candidate.score for candidate in candidates if candidate.text), None)
    if null is None:
        raise DataError('"no answer" is not among the candidates: decode them with with_null=True')
    return sys.float_info.max if real is None else null - real


def choose_answer(candidates: Sequence[Candidate], null_score_diff_threshold: float) -> str:
    """Choose the answer of a SQuAD 2.0 model, as transformers' run_qa.py does.

    Args:
        candidates: Candidates of a row, best first.
        null_score_diff_threshold: Null odds above this mean "no answer".

    Returns:
        "" if the null odds exceed the threshold, else the best real answer. If "no answer" is not among the candidates,
        the best one is returned.
    """
    if all(candidate.text for candidate in candidates):
        return find_best_answer(candidates)
    return "" if compute_null_odds(candidates) > null_score_diff_threshold else find_best_answer(candidates)


def put_answer_first(candidates: Sequence[Candidate], null_score_diff_threshold: float) -> list[Candidate]:
    """Return the candidates with the one that `choose_answer` chooses first, and the others in their order."""
    text = choose_answer(candidates, null_score_diff_threshold)
    first = next(number for number, candidate in enumerate(candidates) if candidate.text == text)
    return [candidates[first], *candidates[:first], *candidates[first + 1 :]]


def apply_threshold(
    scores: SquadScores,
    predictions: Sequence[str | None],
    has_answer: Sequence[bool],
    odds: Sequence[float],
    threshold: float,
) -> SquadScores:
    """Rescore predictions after replacing those whose null odds exceed a threshold with "no answer".

    Args:
        scores: Scores of the predictions.
        predictions: Predicted text of each row. A row that was not predicted (None) keeps its score.
        has_answer: Whether each row has a gold answer.
        odds: Null odds of each row.
        threshold: Null odds above this mean "no answer".

    Returns:
        The scores after the replacement.

    Raises:
        DataError: If there is not exactly one number per row.
    """
    check_odds(odds, len(predictions))

    def replace(rows: list[float]) -> list[float]:
        return [
            float(not has_answer[row]) if odds[row] > threshold and predictions[row] is not None else score
            for row, score in enumerate(rows)
        ]

    return SquadScores.summarize_rows(replace(scores.exact_rows), replace(scores.f1_rows))


def score_by_answerability(scores: SquadScores, has_answer: Sequence[bool]) -> dict[str, float]:
    """Score the rows with and without a gold answer separately.

    Args:
        scores: Scores of all rows.
        has_answer: Whether each row has a gold answer.

    Returns:
        HasAns_exact, HasAns_f1 (0-100) and HasAns_total of the rows with a gold answer, and NoAns_... of the others.
        The keys are absent if there are no such rows.
    """
    metrics: dict[str, float] = {}
    for name, answerable in (("HasAns", True), ("NoAns", False)):
        rows = [row for row, has in enumerate(has_answer) if bool(has) is answerable]
        if rows:
            part = scores.select(rows)
            metrics |= {f"{name}_exact": part.exact_match, f"{name}_f1": part.f1, f"{name}_total": part.total}
    return metrics


def find_best_thresholds(
    scores: SquadScores,
    predictions: Sequence[str | None],
    has_answer: Sequence[bool],
    odds: Sequence[float],
    order: Iterable[int] | None = None,
) -> dict[str, float]:
    """Find the null odds thresholds with the best scores, as the official script does.

    A threshold is the odds of a row, or 0.0 if it is best to answer nothing at all. If several rows have equal odds, a
    best score may count only some of them. Both are quirks of the script.

    Args:
        scores: Scores of the predictions without any threshold.
        predictions: Predicted text of each row without any threshold, or None.
        has_answer: Whether each row has a gold answer.
        odds: Null odds of each row.
        order: Row numbers in the order of the file of odds, by default that of the data. It decides between rows of
            equal odds.

    Returns:
        best_exact, best_f1 (0-100) and their thresholds best_exact_thresh, best_f1_thresh.

    Raises:
        DataError: If there is not exactly one number per row.
    """
    check_odds(odds, len(predictions))
    rows = sorted(range(len(predictions)) if order is None else order, key=lambda row: odds[row])
    rows = [row for row in rows if predictions[row] is not None]
    metrics: dict[str, float] = {}
    for name, values in (("exact", scores.exact_rows), ("f1", scores.f1_rows)):
        score = best = float(sum(not has_answer[row] for row in rows))  # no row is answered yet
        threshold = 0.0
        for row in rows:
            score += values[row] if has_answer[row] else -1.0 if predictions[row] else 0.0
            if score > best:
                best, threshold = score, odds[row]
        metrics |= {f"best_{name}": 100.0 * best / scores.total, f"best_{name}_thresh": float(threshold)}
    return metrics


def check_odds(odds: Sequence[float], rows: int) -> None:
    """Raise DataError unless there is exactly one number per row. NaN does not count as a number."""
    if len(odds) != rows:
        raise DataError(f"{len(odds)} null odds for {rows} rows: give one per row")
    invalid = next((row for row, value in enumerate(odds) if math.isnan(value)), None)
    if invalid is not None:
        raise DataError(f"the null odds of row {invalid} are NaN: give a number")
