"""Calibrate a model on one split, and measure on the reported split what its probabilities are worth.

The temperature and the thresholds are chosen on the validation split alone. If that split is also the reported one, the
figures flatter the model. `crossfitted` then says by how much: the contexts are cut into folds, and each fold is judged
by what was chosen on the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlqa.metrics.calibration.reliability import bin_answers, compute_ece, describe_bins, estimate_ece
from mlqa.metrics.calibration.selective import choose_point, compute_aurc, measure_threshold, thin_curve, trace_curve
from mlqa.metrics.calibration.stored import Calibration
from mlqa.metrics.calibration.temperature import (
    compute_confidence,
    compute_log_loss,
    fit_temperature,
    stack_scores,
)

FOLDS = 5
FOLD_SEED = 0


@dataclass(frozen=True)
class Outcomes:
    """What became of the answers to a split.

    Attributes:
        split: Name of the split.
        candidates: Scores of the candidates of each question, that of its answer first (`stack_scores`)
            [questions, candidates].
        correct: Whether each answer is an exact match [questions].
        scores: Primary metric of each answer, 0-1 [questions].
        context_of: The number of each question's context [questions].
    """

    split: str
    candidates: np.ndarray
    correct: np.ndarray
    scores: np.ndarray
    context_of: np.ndarray

    @classmethod
    def collect(
        cls, split: str, rows: Sequence[Mapping[str, Any]], candidates: Sequence[Sequence[float]], metric: str
    ) -> Outcomes:
        """Collect the outcomes of the lines of a scores.jsonl.

        Args:
            split: Name of the split.
            rows: The lines of the split.
            candidates: Scores of the candidates of each question, that of its answer first.
            metric: The primary metric, a key of the lines. An answer is right if it is an exact match by the same
                rules.
        """
        exact = "exact_match_language" if metric.endswith("_language") else "exact_match"
        return cls(
            split,
            stack_scores(candidates),
            np.array([row[exact] for row in rows]) > 0,
            np.array([row[metric] for row in rows], dtype=np.float64),
            np.array([row["context"] for row in rows], dtype=np.int64),
        )

    def select(self, rows: np.ndarray) -> Outcomes:
        """Return the outcomes of the given rows."""
        parts = (values[rows] for values in (self.candidates, self.correct, self.scores, self.context_of))
        return Outcomes(self.split, *parts)


def calibrate(
    chosen_on: Outcomes, reported: Outcomes, metric: str, risk: float, null_threshold: float | None = None
) -> tuple[Calibration, dict[str, Any]]:
    """Choose temperature and threshold on one split and measure them on another, or on the same.

    Args:
        chosen_on: The outcomes on the validation split.
        reported: The outcomes on the split that the run reports, which may be the same.
        metric: Name of the primary metric.
        risk: Mean loss of the answers to accept, 0-1: 0.1 accepts an F1 of 90.
        null_threshold: Null odds above which SQuAD 2.0's procedure gives no answer, None if every question has one.

    Returns:
        What is stored with the model, and the node `calibration` of result.json (docs/calibration.md explains it).
    """
    temperature = fit_temperature(chosen_on.candidates, chosen_on.correct)
    curve = trace_curve(compute_confidence(chosen_on.candidates, temperature), chosen_on.scores)
    chosen = choose_point(curve, risk)
    threshold = None if chosen is None else chosen.threshold
    stored = Calibration(chosen_on.split, temperature, metric, risk, threshold, thin_curve(curve), null_threshold)

    confidence = compute_confidence(reported.candidates, temperature)
    before = compute_confidence(reported.candidates, 1.0)
    is_same = reported is chosen_on
    report: dict[str, Any] = {
        "split": chosen_on.split,
        "reported_split": reported.split,
        "is_same_split": is_same,
        "temperature": temperature,
        "questions": len(confidence),
        "confidence": float(confidence.mean()),
        "correct": float(reported.correct.mean()),
        **estimate_ece(confidence, reported.correct, reported.context_of),
        "ece_uncalibrated": compute_ece(before, reported.correct),
        **_compare_losses(reported, temperature),
        "reliability": describe_bins(bin_answers(confidence, reported.correct)),
        "metric": metric,
        "aurc": compute_aurc(confidence, reported.scores),
        "risk_coverage": thin_curve(trace_curve(confidence, reported.scores)),
        "risk": risk,
        "threshold": threshold,
        **measure_threshold(threshold, confidence, reported.scores, reported.context_of),
        "crossfitted": crossfit(chosen_on, risk) if is_same else None,
    }
    if is_same:
        report["note"] = (
            f"the reported split is the same ({reported.split}): temperature and threshold were chosen on the "
            "questions that they are measured on"
        )
    return stored, report


def describe_calibration(stored: Calibration, report: Mapping[str, Any]) -> str:
    """Return a sentence about what `calibrate` returned."""
    goal = f"{stored.metric_label} {100 * (1 - report['risk']):g}"
    sure = f"sure of {report['coverage']:.0%} of the answers for {goal}"
    ece = f"ECE {report['ece']:.3f} (before {report['ece_uncalibrated']:.3f}, by chance {report['ece_by_chance']:.3f})"
    same = "; the reported split is the same" if report["is_same_split"] else ""
    return f"calibrated on {report['split']}: temperature {report['temperature']:.2f}, {ece}, {sure}{same}"


def crossfit(outcomes: Outcomes, risk: float) -> dict[str, float | None] | None:
    """Judge each fold of the contexts by the temperature and threshold that the other folds choose.

    Args:
        outcomes: The outcomes on the split.
        risk: As in `calibrate`.

    Returns:
        ece, coverage and score of all questions together. None if there are not enough contexts for folds.
    """
    contexts = np.unique(outcomes.context_of)
    if len(contexts) < FOLDS:
        return None
    order = np.random.default_rng(FOLD_SEED).permutation(len(contexts)) % FOLDS
    fold_of = order[np.searchsorted(contexts, outcomes.context_of)]
    confidence, answered = np.zeros(len(fold_of)), np.zeros(len(fold_of), dtype=bool)
    for fold in range(FOLDS):
        held_out = np.flatnonzero(fold_of == fold)
        others = outcomes.select(np.flatnonzero(fold_of != fold))
        temperature = fit_temperature(others.candidates, others.correct)
        confidence[held_out] = compute_confidence(outcomes.candidates[held_out], temperature)
        curve = trace_curve(compute_confidence(others.candidates, temperature), others.scores)
        if (chosen := choose_point(curve, risk)) is not None:
            answered[held_out] = confidence[held_out] >= chosen.threshold
    score = 100.0 * float(outcomes.scores[answered].mean()) if answered.any() else None
    ece = compute_ece(confidence, outcomes.correct)
    return {"ece": ece, "coverage": float(answered.mean()), "score": score}


def _compare_losses(outcomes: Outcomes, temperature: float) -> dict[str, float]:
    """Return the log loss with and without the temperature, over the questions with several candidates."""
    several = np.isfinite(outcomes.candidates).sum(axis=1) > 1
    if not several.any():
        return {}
    pair = outcomes.candidates[several], outcomes.correct[several]
    return {
        "log_loss": compute_log_loss(*pair, temperature),
        "log_loss_uncalibrated": compute_log_loss(*pair, 1.0),
    }
