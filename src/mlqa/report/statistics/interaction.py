"""Two swept factors: does one matter alike at every level of the other, and which level is better on average."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlqa.report.statistics.contrasts import Contrast, apply_holm_correction, compute_contrast
from mlqa.report.statistics.spread import Spread

LEVEL = 0.05


@dataclass(frozen=True)
class Interaction:
    """The 2 x 2 contrast with the smallest p-value: how much the effect of one factor differs between two levels.

    Attributes:
        contrast: The contrast of the four cells.
        p_corrected: Its p-value, multiplied by the number of such contrasts (Bonferroni), at most 1.
        rows: The two levels of the first factor.
        columns: The two levels of the second.
    """

    contrast: Contrast
    p_corrected: float
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def is_found(self) -> bool:
        """Whether the factors interact. If not, that is no proof that they do not."""
        return self.p_corrected < LEVEL


@dataclass(frozen=True)
class LevelDifference:
    """Level `first` of a factor minus level `second`, averaged over the levels of the other with equal weights."""

    first: int
    second: int
    contrast: Contrast
    p_holm: float


def find_interaction(spread: Spread, cells: np.ndarray) -> Interaction:
    """Look for an interaction among all 2 x 2 contrasts.

    Args:
        spread: The means of the treatments and their variances.
        cells: Integer [levels of the first factor, levels of the second], the treatment of each cell.
    """
    count = len(spread.means)
    found = []
    for rows in itertools.combinations(range(cells.shape[0]), 2):
        for columns in itertools.combinations(range(cells.shape[1]), 2):
            weights = np.zeros(count)
            for (row, sign), (column, other) in itertools.product(
                zip(rows, (1, -1), strict=True), zip(columns, (1, -1), strict=True)
            ):
                weights[cells[row, column]] = sign * other
            found.append((compute_contrast(spread, weights), rows, columns))
    contrast, rows, columns = min(found, key=lambda item: item[0].p)
    return Interaction(contrast, min(1.0, contrast.p * len(found)), rows, columns)


def compute_main_effect(spread: Spread, cells: np.ndarray) -> list[LevelDifference]:
    """Return the differences between the levels of the first factor, averaged over the second.

    Args:
        spread: The means of the treatments and their variances.
        cells: As in `find_interaction`. Transposed, it gives the other factor's effect.
    """
    pairs = list(itertools.combinations(range(cells.shape[0]), 2))
    contrasts = []
    for first, second in pairs:
        weights = np.zeros(len(spread.means))
        weights[cells[first]] = 1 / cells.shape[1]
        weights[cells[second]] = -1 / cells.shape[1]
        contrasts.append(compute_contrast(spread, weights))
    corrected: Sequence[float] = apply_holm_correction([contrast.p for contrast in contrasts])
    return [
        LevelDifference(first, second, contrast, p_holm)
        for (first, second), contrast, p_holm in zip(pairs, contrasts, corrected, strict=True)
    ]
