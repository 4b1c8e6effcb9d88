"""Questions without an answer: when to say so, and the official SQuAD 2.0 scores that depend on it.

Source: Rajpurkar et al. 2018, evaluate-v2.0.py, with --na-prob-file and --na-prob-thresh; equal to it to the last bit.
The odds that a row has no answer may be probabilities or differences of scores: only their order and the threshold on
their scale count.
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
    """The script that a data set is scored by: "2.0" where any of its splits holds a question without an answer."""
    return "2.0" if any(split.has_unanswerable for split in splits) else "1.1"


def find_best_answer(candidates: Sequence[Candidate]) -> str:
    """The best candidate that says something; "" where none does. `candidates` are those of decoding.n_best."""
    return next((candidate.text for candidate in candidates if candidate.text), "")


def compute_null_odds(candidates: Sequence[Candidate]) -> float:
    """Score of "no answer" minus that of the best real answer; above 0 the model would rather not answer.

    The greatest float, which JSON can hold, where there is no real answer. Raises DataError where "no answer" does not
    stand among the candidates (decoding.n_best puts it there with `with_null`).
    """
    null = next((candidate.score for candidate in candidates if not candidate.text), None)
    real = next((candidate.score for candidate in candidates if candidate.text), None)
    if null is None:
        raise DataError("no answer is not among the candidates: ask for it by with_null")
    return sys.float_info.max if real is None else null - real


def choose_answer(candidates: Sequence[Candidate], null_score_diff_threshold: float) -> str:
    """The answer that a model of SQuAD 2.0 gives: "" where the null odds exceed the threshold, else the best real one.

    Without "no answer" among the candidates it is the best of them. As in transformers' run_qa.
    """
    if all(candidate.text for candidate in candidates):
        return find_best_answer(candidates)
    return "" if compute_null_odds(candidates) > null_score_diff_threshold else find_best_answer(candidates)


def put_answer_first(candidates: Sequence[Candidate], null_score_diff_threshold: float) -> list[Candidate]:
    """The candidates with the `chosen` one before the others, whose order stays."""
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
    """The scores where "no answer" takes the place of each prediction whose odds exceed the threshold.

    A row that was not predicted (None) stays as it is.
    """
    check_odds(odds, len(predictions))

    def applied(rows: list[float]) -> list[float]:
        return [
            float(not has_answer[row]) if odds[row] > threshold and predictions[row] is not None else score
            for row, score in enumerate(rows)
        ]

    return SquadScores.summarize_rows(applied(scores.exact_rows), applied(scores.f1_rows))


def score_by_answerability(scores: SquadScores, has_answer: Sequence[bool]) -> dict[str, float]:
    """HasAns_exact, HasAns_f1, HasAns_total of the rows with a gold answer, NoAns_... of those without; 0-100.

    Where there are no such rows their keys are absent.
    """
    found: dict[str, float] = {}
    for name, wanted in (("HasAns", True), ("NoAns", False)):
        rows = [row for row, has in enumerate(has_answer) if bool(has) is wanted]
        if rows:
            part = scores.select(rows)
            found |= {f"{name}_exact": part.exact_match, f"{name}_f1": part.f1, f"{name}_total": part.total}
    return found


def find_best_thresholds(
    scores: SquadScores,
    predictions: Sequence[str | None],
    has_answer: Sequence[bool],
    odds: Sequence[float],
    order: Iterable[int] | None = None,
) -> dict[str, float]:
    """best_exact, best_f1 (0-100) and the thresholds best_exact_thresh, best_f1_thresh that reach them.

    `scores` and `predictions` are those of the answers without any threshold. `order` lists the rows as they stand in
    the file of odds (default: as they stand in the data): it decides between rows of equal odds. Like the script, the
    thresholds are odds of rows, 0.0 where answering nothing at all is best, and where several rows have the same odds
    a best score may count only some of them.
    """
    check_odds(odds, len(predictions))
    rows = sorted(range(len(predictions)) if order is None else order, key=lambda row: odds[row])
    rows = [row for row in rows if predictions[row] is not None]
    found: dict[str, float] = {}
    for name, values in (("exact", scores.exact_rows), ("f1", scores.f1_rows)):
        score = best = float(sum(not has_answer[row] for row in rows))  # nothing is answered yet
        threshold = 0.0
        for row in rows:
            score += values[row] if has_answer[row] else -1.0 if predictions[row] else 0.0
            if score > best:
                best, threshold = score, odds[row]
        found |= {f"best_{name}": 100.0 * best / scores.total, f"best_{name}_thresh": float(threshold)}
    return found


def check_odds(odds: Sequence[float], rows: int) -> None:
    """Raises DataError unless there is one number a row; NaN is none."""
    if len(odds) != rows:
        raise DataError(f"{len(odds)} null odds for {rows} rows: give one a row")
    wrong = next((row for row, value in enumerate(odds) if math.isnan(value)), None)
    if wrong is not None:
        raise DataError(f"the null odds of row {wrong} are NaN: give a number")
