"""Configurations that answered the same questions, side by side: differences, Pareto fronts, who is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mlqa.errors import DataError, MlqaError, UnreachableError, summarize_error
from mlqa.report.configurations import Configuration, build_configurations, find_choice, make_evaluation_key
from mlqa.report.members import Member
from mlqa.report.names import assign_names
from mlqa.report.pareto import find_pareto_front
from mlqa.report.questions import Questions, RowScores, read_questions, score_rows
from mlqa.report.significance import Difference, compute_differences

# All pairs of so many: 190 pairs, for whose correction the bootstrap's p-values are still fine enough.
MOST_COMPARED = 20
NEAR = 1.0  # points of F1: what "within one point of the best" means


@dataclass
class Comparison:
    """All configurations of one data set, best F1 first.

    `compared` are the configurations with per-question scores, `differences` those of all their pairs (indices into
    `compared`), `unseen_differences` the same over the questions whose context does not stand in train, where these are
    known and not all; `scores[i][s]` are the rows of seed s of compared[i]. `not_by_question` says why some are not
    among them; `doubts`, members whose answers do not fit the data set as it is now.
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
        """F1 of `first` minus that of `second`, None where they were not compared question by question."""
        index = {one.key: number for number, one in enumerate(self.compared)}
        if first.key not in index or second.key not in index:
            return None
        a, b = index[first.key], index[second.key]
        for found in self.unseen_differences if unseen else self.differences:
            if (found.first, found.second) == (a, b):
                return found
            if (found.first, found.second) == (b, a):
                return Difference(a, b, -found.mean, -found.high, -found.low, found.p, found.p_holm)
        return None


def compare_members(members: Sequence[Member]) -> list[Comparison]:
    """The completed members by the questions they answered; a Comparison for each, most configurations first."""
    by_evaluation: dict[str, list[Member]] = {}
    for member in members:
        if member.is_compared:
            by_evaluation.setdefault(make_evaluation_key(member), []).append(member)
    found = [_build_comparison(group) for group in by_evaluation.values()]
    return sorted(found, key=lambda one: -len(one.configurations))


def _build_comparison(members: Sequence[Member]) -> Comparison:
    configurations = build_configurations(members)
    assign_names(configurations)
    _mark_fronts(configurations)
    fingerprints = {text for member in members if (text := member.get_text("dataset", "fingerprint"))}
    comparison = Comparison(find_choice(members[0], "dataset"), sorted(fingerprints), configurations)
    try:
        comparison.questions = _find_readable_questions(configurations)
    except MlqaError as error:
        comparison.not_by_question = summarize_error(error)
        return comparison
    _score_configurations(comparison, comparison.questions)
    if len(comparison.compared) > 1:
        rows = [np.stack([run.f1 for run in runs]) for runs in comparison.scores]
        comparison.differences = compute_differences(rows, comparison.questions.context_of)
        unseen = comparison.questions.unseen
        if unseen is not None:
            comparison.unseen_differences = compute_differences(
                [of_seeds[:, unseen] for of_seeds in rows], comparison.questions.context_of[unseen]
            )
        if not comparison.differences:
            comparison.not_by_question = "all questions are of one context, which says nothing of others"
    return comparison


def _find_readable_questions(configurations: Sequence[Configuration]) -> Questions:
    """The questions, by the first of some members whose data set can be read here."""
    refusal: MlqaError = DataError("no member names its data set")
    for configuration in configurations[:3]:
        try:
            return read_questions(configuration.first)
        except MlqaError as error:
            refusal = error
            if isinstance(error, UnreachableError):  # the others name the same address
                break
    raise refusal


def _score_configurations(comparison: Comparison, questions: Questions) -> None:
    for configuration in _select_candidates(comparison.configurations):
        scored, doubt = _score_seeds(configuration, questions)
        if scored:
            comparison.compared.append(configuration)
            comparison.scores.append(scored)
        elif doubt:
            comparison.doubts.append(doubt)
    if not comparison.compared:
        comparison.not_by_question = comparison.doubts[0]


def _score_seeds(configuration: Configuration, questions: Questions) -> tuple[list[RowScores], str | None]:
    """Rows of one run a seed; none, and why, where a seed has no run whose answers fit."""
    scored: list[RowScores] = []
    for runs in configuration.seeds:
        doubt = None
        for run in runs:
            try:
                scored.append(score_rows(run, questions))
                break
            except DataError as error:
                doubt = f"{run.label} ({configuration.name}): {error}"
        else:
            return [], doubt
    return scored, None


def _select_candidates(configurations: Sequence[Configuration]) -> list[Configuration]:
    """Who is compared question by question where there are more than that pays: the best, whoever is on a front within
    reach of it, and the next by F1."""
    if len(configurations) <= MOST_COMPARED:
        return list(configurations)
    best = configurations[0].f1
    near = [one for one in configurations if one.on_fronts and one.f1 >= best - NEAR]
    chosen = {one.key: one for one in [configurations[0], *near, *configurations]}
    keys = set(list(chosen)[:MOST_COMPARED])
    return [one for one in configurations if one.key in keys]


def _mark_fronts(configurations: Sequence[Configuration]) -> None:
    for axis in ("usd", "minutes"):
        priced = [(one, price) for one in configurations if (price := getattr(one, axis)) is not None]
        for index in find_pareto_front([(price, one.f1) for one, price in priced]):
            priced[index][0].on_fronts.add(axis)
