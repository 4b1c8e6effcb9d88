"""Compare configurations that answered the same questions: differences, Pareto fronts, and who is compared."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mlqa.errors import DataError
from mlqa.report.configurations import Configuration, build_configurations, make_evaluation_key
from mlqa.report.grouping import group_by
from mlqa.report.members import Member
from mlqa.report.names import assign_names
from mlqa.report.pareto import find_pareto_front
from mlqa.report.questions import Questions, RowScores, read_scores
from mlqa.report.significance import Difference, compute_differences
from mlqa.report.wording import list_first
from mlqa.result import SCORES

# All pairs of 20 are 190 pairs. For so many the bootstrap's p-values are still fine enough after correction.
MOST_COMPARED = 20
NEAR = 1.0  # points of F1: what "within one point of the best" means
MOST_NAMED = 3  # configurations in a line that says why they are not compared


@dataclass
class Comparison:
    """All configurations of one data set, best F1 first.

    Attributes:
        dataset: Its option.
        fingerprints: Of the data of all members.
        configurations: All of them.
        questions: What the compared configurations answered.
        compared: Those with per-question scores.
        scores: `scores[i][s]` are the rows of seed s of `compared[i]`.
        differences: Those of all pairs, as indices into `compared`.
        unseen_differences: The same over the questions whose context is in no member's train split. Empty if that is
            not known, or if it is true of all questions or none.
        not_by_question: Why there are no differences.
        doubts: One line for each reason why some configurations are not among `compared`.
    """

    dataset: str
    fingerprints: list[str]
    configurations: list[Configuration]
    questions: Questions | None = None
    compared: list[Configuration] = field(default_factory=list)
    scores: list[list[RowScores]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unseen_differences: list[Difference] = field(default_factory=list)
    not_by_question: str | None = None
    doubts: list[str] = field(default_factory=list)

    def find_difference(self, first: Configuration, second: Configuration, unseen: bool = False) -> Difference | None:
        """Return F1 of `first` minus that of `second`.

        Args:
            first: A configuration of this comparison.
            second: Another one.
            unseen: Whether to look at questions on unseen contexts only.

        Returns:
            The difference, or None if the two were not compared question by question.
        """
        for one in self.unseen_differences if unseen else self.differences:
            keys = self.compared[one.first].key, self.compared[one.second].key
            if keys == (first.key, second.key):
                return one
            if keys == (second.key, first.key):
                return replace(one, first=one.second, second=one.first, mean=-one.mean, low=-one.high, high=-one.low)
        return None

    def list_gaps(self) -> list[str]:
        """Return a sentence for each reason why some configurations were not compared question by question."""
        gaps = [f"Not compared question by question: {doubt}." for doubt in self.doubts]
        if self.not_by_question and len(self.configurations) > 1:
            gaps.insert(0, f"Nothing was compared question by question: {self.not_by_question}.")
        return gaps


def compare_members(members: Sequence[Member]) -> list[Comparison]:
    """Return a comparison for each set of questions that completed members answered, most configurations first."""
    by_evaluation = group_by((member for member in members if member.is_compared), make_evaluation_key)
    comparisons = [_build_comparison(group) for group in by_evaluation.values()]
    return sorted(comparisons, key=lambda comparison: -len(comparison.configurations))


def _build_comparison(members: Sequence[Member]) -> Comparison:
    configurations = build_configurations(members)
    assign_names(configurations)
    _mark_fronts(configurations)
    fingerprints = {text for member in members if (text := member.get_text("dataset", "fingerprint"))}
    comparison = Comparison(members[0].get_option("dataset"), sorted(fingerprints), configurations)
    _collect_scores(comparison)
    if comparison.questions is None or len(comparison.compared) < 2:
        return comparison
    rows = [np.stack([of_seed.f1 for of_seed in seeds]) for seeds in comparison.scores]
    context_of = comparison.questions.context_of
    comparison.differences = compute_differences(rows, context_of)
    unseen = _find_unseen(comparison.scores)
    if unseen is not None and 0 < unseen.sum() < len(unseen):
        comparison.unseen_differences = compute_differences([seeds[:, unseen] for seeds in rows], context_of[unseen])
    if not comparison.differences:
        comparison.not_by_question = "all questions are of one context, which says nothing about others"
    return comparison


def _collect_scores(comparison: Comparison) -> None:
    """Fill in the scores of the configurations that answered the same questions, and the reasons of the others."""
    reasons: dict[str, list[str]] = {}
    read: list[tuple[Configuration, list[tuple[Questions, RowScores]]]] = []
    for configuration in _select_candidates(comparison.configurations):
        seeds = []
        for runs in configuration.seeds:
            try:
                seeds.append(_read_seed(runs))
            except DataError as error:
                reasons.setdefault(str(error), []).append(f"{configuration.name} ({runs[-1].label})")
                break
        else:
            read.append((configuration, seeds))
    if read:
        # What most of them answered. Of equally many, the best configuration decides.
        common = Counter(seeds[0][0].digest for _, seeds in read).most_common(1)[0][0]
        comparison.questions = next(seeds[0][0] for _, seeds in read if seeds[0][0].digest == common)
        for configuration, seeds in read:
            if all(questions.digest == common for questions, _ in seeds):
                comparison.compared.append(configuration)
                comparison.scores.append([scores for _, scores in seeds])
            else:
                label = f"{configuration.name} ({configuration.first.label})"
                reasons.setdefault("its questions or gold answers differ from the others'", []).append(label)
    comparison.doubts = [f"{list_first(labels, MOST_NAMED)}: {reason}" for reason, labels in reasons.items()]
    if not comparison.compared:
        comparison.not_by_question, comparison.doubts = "; ".join(comparison.doubts), []
    elif len(comparison.compared) < 2 <= len(comparison.configurations):
        comparison.not_by_question = "only one configuration can be compared"


def _read_seed(runs: Sequence[Member]) -> tuple[Questions, RowScores]:
    """Return the questions and scores of the first run of a seed that has any. Raise the last run's DataError."""
    for run in runs[:-1]:
        with contextlib.suppress(DataError):
            return read_scores(run)
    return read_scores(runs[-1])


def _find_unseen(scores: Sequence[Sequence[RowScores]]) -> np.ndarray | None:
    """Return boolean [questions]: no member has seen the context in training. None if that is not known of some."""
    known = [of_seed.seen for seeds in scores for of_seed in seeds if of_seed.seen is not None]
    return ~np.any(known, axis=0) if len(known) == sum(map(len, scores)) else None


def _select_candidates(configurations: Sequence[Configuration]) -> list[Configuration]:
    """Return at most MOST_COMPARED configurations to compare question by question.

    These are the best, those on a Pareto front near it, and the next by F1. Configurations without
    scores.jsonl do not count. They are returned too, because the report says why they are left out.
    """
    readable = [one for one in configurations if any((run.directory / SCORES).is_file() for run in one.runs)]
    near = [one for one in readable if one.on_fronts and one.f1 >= configurations[0].f1 - NEAR]
    chosen = list({one.key: one for one in [*readable[:1], *near, *readable]})[:MOST_COMPARED]
    left_out = {one.key for one in readable} - set(chosen)
    return [one for one in configurations if one.key not in left_out]


def _mark_fronts(configurations: Sequence[Configuration]) -> None:
    for axis in ("usd", "minutes"):
        priced = [(one, price) for one in configurations if (price := getattr(one, axis)) is not None]
        for index in find_pareto_front([(price, one.f1) for one, price in priced]):
            priced[index][0].on_fronts.add(axis)
