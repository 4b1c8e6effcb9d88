"""Compare treatments that answered the same questions, and configurations by price and time."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mlqa.errors import DataError
from mlqa.report.folds import find_missing_folds, read_seed
from mlqa.report.grouping import group_by
from mlqa.report.member import METRICS, Member
from mlqa.report.names import assign_names
from mlqa.report.pareto import find_pareto_front
from mlqa.report.questions import Questions, RowScores
from mlqa.report.raced import Raced, match_race
from mlqa.report.statistics.agreement import Agreement, measure_agreement
from mlqa.report.statistics.verdict import Verdict, judge_scores
from mlqa.report.treatments import Configuration, Treatment, build_treatments, make_evaluation_key
from mlqa.report.wording import list_first

MOST_NAMED = 3  # treatments in a line that says why they are not compared


@dataclass(frozen=True)
class SeedScores:
    """The answers of one seed of a treatment: (run, its scores), several if it was trained more than once."""

    seed: int | None
    runs: list[tuple[Member, RowScores]]

    @property
    def primary(self) -> np.ndarray:
        """Score (0-100) by question, float [questions], averaged over the runs."""
        return np.asarray(np.mean([scores.primary for _, scores in self.runs], axis=0))


@dataclass(frozen=True)
class HardwareCheck:
    """Whether two hardware options reach the same score. `agreement` is None if they share no treatment and seed."""

    first: str
    second: str
    agreement: Agreement | None


@dataclass
class Comparison:
    """All treatments of one data set, best first.

    Attributes:
        dataset: Its option.
        fingerprints: The fingerprints of the data of all members.
        treatments: All of them.
        questions: What the compared treatments answered.
        compared: Those with per-question scores.
        scores: `scores[i][s]` are the answers of seed s of `compared[i]`.
        verdict: On `compared`, by their indices. None if fewer than two are compared.
        verdict_on_unseen: The same over the questions whose context is in no member's train split. None if that is not
            known, or if it is true of all questions or none.
        hardware: The checks of all pairs of hardware options.
        not_by_question: Why there is no verdict.
        doubts: One line for each reason why some treatments are not among `compared`.
        race: The race of the treatments. It has compared them, so there is no verdict besides.
        race_caution: Why a race of some of the runs does not say how the treatments stand.
    """

    dataset: str
    fingerprints: list[str]
    treatments: list[Treatment]
    questions: Questions | None = None
    compared: list[Treatment] = field(default_factory=list)
    scores: list[list[SeedScores]] = field(default_factory=list)
    verdict: Verdict | None = None
    verdict_on_unseen: Verdict | None = None
    hardware: list[HardwareCheck] = field(default_factory=list)
    not_by_question: str | None = None
    doubts: list[str] = field(default_factory=list)
    race: Raced | None = None
    race_caution: str | None = None

    @property
    def metric(self) -> str:
        """Name of the primary metric in result.json."""
        return self.treatments[0].first.primary_metric

    @property
    def score_name(self) -> str:
        """What the primary metric is called, e.g. "F1"."""
        return METRICS[self.metric]

    @property
    def configurations(self) -> list[Configuration]:
        """The configurations of all treatments, the best treatment first and its cheapest configuration first."""
        return [
            one
            for treatment in self.treatments
            for one in sorted(treatment.configurations, key=lambda one: (one.usd is None, one.usd or 0, one.hardware))
        ]

    @property
    def total(self) -> int:
        """Number of questions, 0 if it is not known."""
        return self.treatments[0].count_questions("total") or 0

    @property
    def unseen(self) -> int | None:
        """Number of questions whose context is not in train, None if that is not known."""
        return self.treatments[0].count_questions("total_unseen")

    def find_index(self, treatment: Treatment) -> int | None:
        """Return the index of a treatment among those that were compared question by question, None if it is not."""
        return next((index for index, one in enumerate(self.compared) if one is treatment), None)

    def list_gaps(self) -> list[str]:
        """Return a sentence for each reason why some treatments were not compared question by question."""
        gaps = [f"Not compared question by question: {doubt}." for doubt in self.doubts]
        if self.not_by_question and self.race is None and len(self.treatments) > 1:
            gaps.insert(0, f"Nothing was compared question by question: {self.not_by_question}.")
        return gaps


def compare_members(members: Sequence[Member]) -> list[Comparison]:
    """Return a comparison for each set of questions that completed members answered, most runs first."""
    by_evaluation = group_by((member for member in members if member.is_compared), make_evaluation_key)
    unfinished = [member for member in members if not member.is_compared]
    comparisons = [_build_comparison(group, unfinished) for group in by_evaluation.values()]
    return sorted(comparisons, key=lambda one: (-len(one.treatments), -sum(len(each.runs) for each in one.treatments)))


def _build_comparison(members: Sequence[Member], unfinished: Sequence[Member]) -> Comparison:
    treatments = build_treatments(members, unfinished)
    assign_names(treatments)
    fingerprints = {text for member in members if (text := member.get_text("dataset", "fingerprint"))}
    comparison = Comparison(members[0].scored_set, sorted(fingerprints), treatments)
    _mark_fronts(treatments)
    if len(treatments) > 1:
        comparison.race, comparison.race_caution = match_race(treatments)
    if comparison.race is not None:
        comparison.treatments = comparison.race.rank(treatments)
    _collect_scores(comparison)
    if comparison.questions is None:
        return comparison
    rows = [np.stack([of_seed.primary for of_seed in seeds]) for seeds in comparison.scores]
    context_of = comparison.questions.context_of
    comparison.hardware = _check_hardware(comparison.scores, context_of)
    if len(rows) < 2 or comparison.race is not None:
        return comparison
    comparison.verdict = judge_scores(rows, context_of)
    unseen = _find_unseen(comparison.scores)
    if unseen is not None and 0 < unseen.sum() < len(unseen):
        comparison.verdict_on_unseen = judge_scores([seeds[:, unseen] for seeds in rows], context_of[unseen])
    if comparison.verdict is None:
        comparison.not_by_question = "all questions are of one context, which says nothing about others"
    return comparison


def _collect_scores(comparison: Comparison) -> None:
    """Fill in the scores of the treatments that answered the same questions, and the reasons of the others."""
    reasons: dict[str, list[str]] = {}
    read: list[tuple[Treatment, list[SeedScores], set[str], Questions]] = []
    for treatment in comparison.treatments:
        seeds, digests, questions = [], set(), None
        for seed, runs in treatment.seeds.items():
            try:
                known = read_seed(runs)
            except DataError as error:
                reasons.setdefault(str(error), []).append(f"{treatment.name} ({runs[-1].label})")
                break
            questions = known[0][1]
            digests |= {each.digest for _, each, _ in known}
            seeds.append(SeedScores(seed, [(run, scores) for run, _, scores in known]))
        else:
            assert questions is not None
            read.append((treatment, seeds, digests, questions))
    if read:
        # What most of them answered. Of equally many, the best treatment decides.
        common = Counter(questions.digest for *_, questions in read).most_common(1)[0][0]
        comparison.questions = next(questions for *_, questions in read if questions.digest == common)
        for treatment, seeds, digests, _ in read:
            if digests == {common}:
                comparison.compared.append(treatment)
                comparison.scores.append(seeds)
            else:
                label = f"{treatment.name} ({treatment.first.label})"
                reasons.setdefault(
                    find_missing_folds(treatment.runs) or "its questions or gold answers differ from the others'", []
                ).append(label)
    comparison.doubts = [f"{list_first(labels, MOST_NAMED)}: {reason}" for reason, labels in reasons.items()]
    if not comparison.compared:
        comparison.not_by_question, comparison.doubts = "; ".join(comparison.doubts), []
    elif len(comparison.compared) < 2 <= len(comparison.treatments):
        comparison.not_by_question = "only one treatment can be compared"


def _check_hardware(scores: Sequence[Sequence[SeedScores]], context_of: np.ndarray) -> list[HardwareCheck]:
    """Compare hardware options by the runs of the same treatment and seed."""
    on: dict[str, dict[tuple[int, int | None], np.ndarray]] = {}
    for number, seeds in enumerate(scores):
        for of_seed in seeds:
            for hardware, runs in group_by(of_seed.runs, lambda run: run[0].get_option("hardware")).items():
                mean = np.mean([each.primary for _, each in runs], axis=0)
                on.setdefault(hardware, {})[number, of_seed.seed] = mean
    checks = []
    for first, second in itertools.combinations(on, 2):
        shared = [key for key in on[first] if key in on[second]]
        differences = np.array([on[first][key] - on[second][key] for key in shared])
        checks.append(HardwareCheck(first, second, measure_agreement(differences, context_of) if shared else None))
    return checks


def _find_unseen(scores: Sequence[Sequence[SeedScores]]) -> np.ndarray | None:
    """Return boolean [questions]: no member has seen the context in training. None if that is not known of some."""
    all_runs = [each for seeds in scores for of_seed in seeds for _, each in of_seed.runs]
    known = [each.seen for each in all_runs if each.seen is not None]
    return ~np.any(known, axis=0) if len(known) == len(all_runs) else None


def _mark_fronts(treatments: Sequence[Treatment]) -> None:
    """Mark the configurations that nothing beats in price (or time) and in the score of their treatment at once.

    Models that were asked and not trained take no part: their price and time are not those of a training.
    """
    offers = [
        (one, treatment.score) for treatment in treatments if not treatment.is_asked for one in treatment.configurations
    ]
    for axis in ("usd", "minutes"):
        priced = [(one, price, score) for one, score in offers if (price := getattr(one, axis)) is not None]
        for index in find_pareto_front([(price, score) for _, price, score in priced]):
            priced[index][0].on_fronts.add(axis)
