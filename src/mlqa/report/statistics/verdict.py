"""The verdict on treatments that answered the same questions: who beats whom, and who ties for the best place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mlqa.report.statistics.contrasts import (
    Contrast,
    Difference,
    bound_distance_to_best,
    compute_contrast,
    compute_differences,
    find_tie_set,
)
from mlqa.report.statistics.spread import Spread, estimate_spread


@dataclass(frozen=True)
class Verdict:
    """What the data says of k treatments, by their indices."""

    spread: Spread
    differences: list[Difference]  # of all pairs

    @cached_property
    def tied(self) -> list[int]:
        """The treatments that no other beats. A single one is the best."""
        return find_tie_set(len(self.spread.means), self.differences)

    @property
    def winner(self) -> int | None:
        """The one that alone is beaten by no other, None if several tie. There is none in a sweep of one."""
        return self.tied[0] if len(self.tied) == 1 < len(self.spread.means) else None

    @property
    def undecided(self) -> list[Difference]:
        """The pairs of the tie set that are not told apart."""
        return [
            one for one in self.differences
            if not one.is_told_apart and one.first in self.tied and one.second in self.tied
        ]  # fmt: skip

    def find_difference(self, first: int, second: int) -> Difference:
        """Return the score of `first` minus that of `second`.

        Args:
            first: Index of a treatment.
            second: Index of another one.
        """
        found = next(one for one in self.differences if {one.first, one.second} == {first, second})
        return found if found.first == first else _turn_round(found)

    def measure_mean(self, index: int) -> Contrast:
        """Return the mean score of a treatment with its interval for new questions and new seeds."""
        weights = np.zeros(len(self.spread.means))
        weights[index] = 1.0
        return compute_contrast(self.spread, weights)

    def bound_distance(self, index: int) -> float:
        """Return how many points a treatment is behind the best at most."""
        return bound_distance_to_best(index, self.differences)


def judge_scores(scores: Sequence[np.ndarray], context_of: np.ndarray) -> Verdict | None:
    """Judge treatments by the scores of their answers.

    Args:
        scores: `scores[i]` is float [seeds, questions], 0-100, by treatment i.
        context_of: Integer [questions], the context of each.

    Returns:
        None if all questions are of one context.
    """
    spread = estimate_spread(scores, context_of)
    return None if spread is None else Verdict(spread, compute_differences(spread))


def _turn_round(one: Difference) -> Difference:
    contrast = replace(one.contrast, value=-one.mean, low=-one.high, high=-one.low)
    return Difference(one.second, one.first, contrast, -one.high_here, -one.low_here, one.p_holm)
