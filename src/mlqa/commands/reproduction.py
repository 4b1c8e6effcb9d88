"""Compare a run with its repetition: answers, scores, data, settings and versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlqa.errors import RunError, describe_status
from mlqa.result import PREDICTIONS, read_result


@dataclass(frozen=True)
class Reproduction:
    """What a run and its repetition have in common.

    Attributes:
        questions: Questions that either has answered.
        different: (id, answer of the run, answer of the repetition) of each question that they answer differently. An
            answer is None if there is none.
        metrics: {metric: (the run's, the repetition's)}, None if one of them does not have it.
        versions: The versions of libraries, Python and the code, likewise, only those that differ.
        same_data: Whether both have read the same questions and answers.
        same_settings: Whether every setting that decides what a run computes is the same.
    """

    questions: int
    different: list[tuple[str, str | None, str | None]]
    metrics: dict[str, tuple[float | None, float | None]]
    versions: dict[str, tuple[str | None, str | None]]
    same_data: bool
    same_settings: bool

    @property
    def largest_difference(self) -> float:
        """The largest difference of a score, infinite if one of the runs does not have it."""
        pairs = [pair for name, pair in self.metrics.items() if is_score(name)]
        return max((float("inf") if None in pair else abs(pair[0] - pair[1]) for pair in pairs), default=0.0)  # type: ignore[operator]

    @property
    def different_counts(self) -> dict[str, tuple[float | None, float | None]]:
        """The numbers of questions that differ, by the name of the metric."""
        return {name: pair for name, pair in self.metrics.items() if _is_count(name) and pair[0] != pair[1]}

    def is_reproduced(self, tolerance: float = 0.0) -> bool:
        """Return whether the same number of questions has the same scores.

        Args:
            tolerance: By how much a score may differ. If it is 0, no answer may differ either.
        """
        is_same = self.largest_difference <= tolerance and (tolerance > 0 or not self.different)
        return is_same and not self.different_counts


def _is_count(metric: str) -> bool:
    return metric == "total_unseen" or metric.endswith("total")


def is_score(metric: str) -> bool:
    """Return whether a metric is a score, not a number of questions, the bound of an interval or a threshold."""
    return not _is_count(metric) and "_ci_" not in metric and not metric.endswith("_thresh")


def compare_runs(run_dir: Path, repetition: Path) -> Reproduction:
    """Compare two completed runs.

    Args:
        run_dir: Directory of the run.
        repetition: Directory of its repetition.

    Raises:
        RunError: One of them is not completed, or its files cannot be read.
    """
    results = [_read_completed(folder) for folder in (run_dir, repetition)]
    answers = [_read_answers(folder / PREDICTIONS) for folder in (run_dir, repetition)]
    pairs = _match_by_name(*answers)
    return Reproduction(
        questions=len(pairs),
        different=[(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]],
        metrics=_match_by_name(*(result["metrics"] for result in results)),
        versions={
            name: pair
            for name, pair in _match_by_name(*(result.get("versions", {}) for result in results)).items()
            if pair[0] != pair[1]
        },
        same_data=len({result["dataset"].get("fingerprint") for result in results}) == 1,
        same_settings=results[0]["config_hash"] == results[1]["config_hash"],
    )


def _match_by_name(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (first.get(name), second.get(name)) for name in {**first, **second}}


def _read_completed(folder: Path) -> dict[str, Any]:
    result = read_result(folder)
    if result.get("status") != "completed":
        raise RunError(f"{folder}: the run {describe_status(result.get('status'))}; compare completed runs")
    return result


def _read_answers(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunError(f"{path}: the file does not exist, so answers cannot be compared") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(content, dict):
        raise RunError(f"{path}: is not an object of ids and answers")
    return content
