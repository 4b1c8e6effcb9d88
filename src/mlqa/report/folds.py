"""Put the folds of one data set together (`dataset.folds`): each run answered other questions, and all count once."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlqa.errors import DataError
from mlqa.report.grouping import compute_known_mean, group_by
from mlqa.report.member import Member
from mlqa.report.questions import Questions, RowScores, read_scores

Answered = tuple[Member, Questions, RowScores]


def get_fold(member: Member) -> int | None:
    """Return the number of the fold that a run answered, None if its data set is not cut into folds."""
    fold = member.get_config_value("dataset", "fold")
    is_cut = member.get_config_value("dataset", "folds") is not None
    return fold if is_cut and isinstance(fold, int) else None


def find_missing_folds(runs: Sequence[Member]) -> str:
    """Return which folds the runs of a treatment lack, e.g. "it lacks fold 2 of 0 to 4". Empty if none."""
    folds = runs[0].get_config_value("dataset", "folds")
    if not isinstance(folds, int):
        return ""
    missing = sorted(set(range(folds)) - {get_fold(run) for run in runs})
    if not missing:
        return ""
    lacks = ",".join(map(str, missing))
    return f"it lacks fold {lacks} of 0 to {folds - 1}; run it with dataset.fold={lacks}"


def pool_number(runs: Sequence[Member], *path: str) -> float | None:
    """Return the mean of a number over runs, with each fold weighted by its questions.

    Args:
        runs: Runs of one treatment and seed.
        *path: The keys of the number in result.json.
    """
    by_fold = group_by(runs, get_fold)
    if len(by_fold) == 1:
        return compute_known_mean(run.get_number(*path) for run in runs)
    pairs = [
        (mean, of_fold[0].get_number("metrics", "total") or 1)
        for of_fold in by_fold.values()
        if (mean := compute_known_mean(run.get_number(*path) for run in of_fold)) is not None
    ]
    total = sum(weight for _, weight in pairs)
    return sum(mean * weight for mean, weight in pairs) / total if pairs else None


def count_over_folds(runs: Sequence[Member], *path: str) -> int | None:
    """Return a number of questions, added up over the folds of one seed. None if it is not known of a fold."""
    counts = [of_fold[0].get_number(*path) for of_fold in group_by(runs, get_fold).values()]
    known = [count for count in counts if count is not None]
    return int(sum(known)) if len(known) == len(counts) else None


def read_seed(runs: Sequence[Member]) -> list[Answered]:
    """Return the questions and scores of the runs of one seed that have any, folds joined.

    Raises:
        DataError: If no run has scores, or a fold has none.
    """
    if len(group_by(runs, get_fold)) == 1:
        return _read_runs(runs)
    joined = []
    by_hardware = list(group_by(runs, lambda run: run.get_option("hardware")).values())
    folds = [{get_fold(run) for run in of_hardware} for of_hardware in by_hardware]
    for of_one in by_hardware if all(each == folds[0] for each in folds) else [list(runs)]:
        by_fold = sorted(group_by(of_one, get_fold).items(), key=lambda item: -1 if item[0] is None else item[0])
        joined.append(_join([_average_scores(_read_runs(of_fold)) for _, of_fold in by_fold]))
    return joined


def _read_runs(runs: Sequence[Member]) -> list[Answered]:
    """Return the questions and scores of the runs that have any. Raise the last DataError if none has."""
    found = []
    for run in runs:
        with contextlib.suppress(DataError):
            found.append((run, *read_scores(run)))
    return found or [(runs[-1], *read_scores(runs[-1]))]


def _average_scores(answered: Sequence[Answered]) -> Answered:
    """Average the scores of runs that answered the same fold. The answers shown are those of the first."""
    run, questions, scores = answered[0]
    same = [each for _, others, each in answered if others.digest == questions.digest]

    def average(name: str) -> np.ndarray:
        return np.asarray(np.mean([getattr(each, name) for each in same], axis=0))

    return run, questions, replace(scores, exact=average("exact"), f1=average("f1"), primary=average("primary"))


def _join(folds: Sequence[Answered]) -> Answered:
    """Join the questions of folds in their order. The numbers of their contexts go on from fold to fold."""
    every, scores = [questions for _, questions, _ in folds], [each for *_, each in folds]
    starts = np.cumsum([0, *(int(one.context_of.max()) + 1 for one in every)]).tolist()
    questions = Questions(
        [name for one in every for name in one.names],
        [text for one in every for text in one.texts],
        [golds for one in every for golds in one.golds],
        np.concatenate([one.context_of + start for one, start in zip(every, starts, strict=False)]),
        {
            number + start: text
            for one, start in zip(every, starts, strict=False)
            for number, text in one.contexts.items()
        },
        [groups for one in every for groups in one.groups],
    )
    seen = [each.seen for each in scores if each.seen is not None]
    joined = RowScores(
        np.concatenate([each.exact for each in scores]),
        np.concatenate([each.f1 for each in scores]),
        np.concatenate([each.primary for each in scores]),
        [answer for each in scores for answer in each.answers],
        np.concatenate(seen) if len(seen) == len(scores) else None,
        [groups for each in scores for groups in each.groups],
    )
    return folds[0][0], questions, joined
