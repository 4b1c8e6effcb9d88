"""The transfer matrix: each treatment on its own data set and on each further one that its runs were evaluated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlqa.errors import DataError
from mlqa.report.comparison import Comparison
from mlqa.report.grouping import compute_known_mean
from mlqa.report.member import Member
from mlqa.report.questions import Questions, RowScores, read_set_scores
from mlqa.report.reading import get_nested
from mlqa.report.statistics.verdict import judge_scores
from mlqa.report.treatments import Treatment


@dataclass(frozen=True)
class TransferScore:
    """A treatment's mean score on a data set, over its seeds. The interval is None if its questions are not known."""

    score: float
    exact_match: float | None
    seeds: int
    total: int | None
    interval: tuple[float, float] | None


@dataclass
class TransferMatrix:
    """Scores by treatment and data set. `scores[t]` has the sets on which treatment t was evaluated."""

    treatments: list[Treatment]
    sets: list[str]
    scores: list[dict[str, TransferScore]]


def build_transfer_matrix(comparison: Comparison) -> TransferMatrix | None:
    """Build the matrix from `evaluations` of the runs' result.json.

    Other questions under the same name are another set: "dev (3f2a)", by the first digits of their fingerprint.

    Args:
        comparison: The treatments of one data set.

    Returns:
        None if no run was evaluated on a further data set.
    """
    sets: dict[str, None] = {comparison.dataset: None}
    fingerprints: dict[str, dict[str, None]] = {}
    for treatment in comparison.treatments:
        for run in treatment.runs:
            for name in list_evaluated_sets(run):
                fingerprints.setdefault(name, {})[_get_fingerprint(run, name)] = None
    fingerprints.pop(comparison.dataset, None)
    scores = []
    for treatment in comparison.treatments:
        found = {comparison.dataset: _describe_own(comparison, treatment)}
        for name, of_name in fingerprints.items():
            for fingerprint in of_name:
                score = _score_treatment(treatment, name, fingerprint)
                label = name if len(of_name) == 1 else f"{name} ({fingerprint[:4] or 'unknown questions'})"
                if score is not None:
                    found[label] = score
                    sets[label] = None
        scores.append(found)
    return TransferMatrix(comparison.treatments, list(sets), scores) if len(sets) > 1 else None


def _describe_own(comparison: Comparison, treatment: Treatment) -> TransferScore:
    """Return the score on the data set that is compared, with the interval of the comparison if it has one."""
    index, interval = comparison.find_index(treatment), None
    if index is not None and comparison.questions is not None:
        seeds = np.stack([of_seed.primary for of_seed in comparison.scores[index]])
        verdict = comparison.verdict or judge_scores([seeds], comparison.questions.context_of)
        if verdict is not None:
            mean = verdict.measure_mean(index if comparison.verdict else 0)
            interval = mean.low, mean.high
    exact = treatment.compute_mean("metrics", "exact_match")
    return TransferScore(treatment.score, exact, len(treatment.seeds), comparison.total or None, interval)


def list_evaluated_sets(run: Member) -> list[str]:
    """Return the names of the further data sets that a run was evaluated on."""
    evaluations = get_nested(run.result, "evaluations")
    return [str(name) for name in evaluations] if isinstance(evaluations, dict) else []


def _get_fingerprint(run: Member, name: str) -> str:
    """Return the fingerprint of the questions of a set, "" if the run does not say."""
    return run.get_text("evaluations", name, "fingerprint") or ""


def _score_treatment(treatment: Treatment, name: str, fingerprint: str) -> TransferScore | None:
    """Return the score of a treatment's runs on one set, of those that answered the questions with this fingerprint."""
    by_seed = {
        seed: [run for run in runs if _read_score(run, name) is not None and _get_fingerprint(run, name) == fingerprint]
        for seed, runs in treatment.seeds.items()
    }
    by_seed = {seed: runs for seed, runs in by_seed.items() if runs}
    score = compute_known_mean(compute_known_mean(_read_score(run, name) for run in runs) for runs in by_seed.values())
    if score is None:
        return None
    runs = [run for of_seed in by_seed.values() for run in of_seed]
    totals = {run.get_number("evaluations", name, "total") for run in runs}
    total = totals.pop() if len(totals) == 1 else None
    exact = compute_known_mean(run.get_number("evaluations", name, "exact_match") for run in runs)
    interval = _estimate_interval(list(by_seed.values()), name)
    return TransferScore(score, exact, len(by_seed), None if total is None else int(total), interval)


def _read_score(run: Member, name: str) -> float | None:
    """Return the run's primary metric on a set, or its F1 there if the set's language has no other."""
    score = run.get_number("evaluations", name, run.primary_metric)
    return run.get_number("evaluations", name, "f1") if score is None else score


def _estimate_interval(seeds: Sequence[Sequence[Member]], name: str) -> tuple[float, float] | None:
    """Return the 95 % interval for new questions of the set and new seeds, by scores.jsonl or else by result.json."""
    rows, context_of = [], None
    digests = set()
    try:
        for runs in seeds:
            answered = [_read_set(run, name) for run in runs]
            digests |= {questions.digest for questions, _ in answered}
            context_of = answered[0][0].context_of
            rows.append([scores.primary for _, scores in answered])
    except DataError:
        context_of = None
    if context_of is not None and len(digests) == 1:
        verdict = judge_scores([np.stack([np.mean(of_seed, axis=0) for of_seed in rows])], context_of)
        if verdict is not None:
            mean = verdict.measure_mean(0)
            return mean.low, mean.high
    runs = [run for of_seed in seeds for run in of_seed]
    low, high = (
        compute_known_mean(run.get_number("evaluations", name, f"{run.primary_metric}_ci_{end}") for run in runs)
        for end in ("low", "high")
    )
    return None if low is None or high is None else (low, high)


def _read_set(run: Member, name: str) -> tuple[Questions, RowScores]:
    split = run.get_text("evaluations", name, "split") or run.get_text("reported_split") or "validation"
    return read_set_scores(run, name, split, _read_score(run, name))
