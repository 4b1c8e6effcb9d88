"""Two swept factors, e.g. model and learning rate: the effect of each on average, or their cells if they interact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlqa.report.comparison import Comparison
from mlqa.report.names import find_differing_settings
from mlqa.report.statistics.contrasts import LEVEL
from mlqa.report.statistics.interaction import Interaction, LevelDifference, compute_main_effect, find_interaction
from mlqa.report.treatments import OPTIONS, Treatment
from mlqa.report.wording import format_interval, format_points


@dataclass
class Factor:
    """A setting that was swept, and its effect averaged over the other factor. `levels` are by falling mean."""

    name: str
    levels: list[str]
    means: list[float]
    differences: list[LevelDifference]

    def describe(self, one: LevelDifference) -> str:
        """Describe the difference of two levels, e.g. "berturk − mbert: 3.4 (1.9 to 4.9)"."""
        contrast = one.contrast
        return (
            f"{self.levels[one.first]} − {self.levels[one.second]}: {format_points(contrast.value)} "
            f"({format_interval(contrast.low, contrast.high)})" + (", told apart" if one.p_holm < LEVEL else "")
        )


@dataclass
class Design:
    """A full grid of two factors. `cells` are the mean scores [levels of the first, levels of the second]."""

    factors: tuple[Factor, Factor]
    cells: list[list[float]]
    interaction: Interaction

    def describe_interaction(self) -> str:
        """Say whether the factors interact, and what that means for reading the table."""
        first, second = self.factors
        if not self.interaction.is_found:
            return (
                f"No interaction of {first.name} and {second.name} was found (p = {self.interaction.p_corrected:.2f}), "
                f"so each is shown on average over the other. A small one may still be there."
            )
        rows, columns = self.interaction.rows, self.interaction.columns
        contrast = self.interaction.contrast
        return (
            f"{first.name} and {second.name} interact (p = {self.interaction.p_corrected:.3f}): "
            f"{first.levels[rows[0]]} − {first.levels[rows[1]]} differs by {format_points(contrast.value)} "
            f"({format_interval(contrast.low, contrast.high)}) between {second.levels[columns[0]]} and "
            f"{second.levels[columns[1]]}. So the cells count, not the averages."
        )


def analyse_factors(comparison: Comparison) -> Design | None:
    """Analyse the two factors of a sweep.

    Args:
        comparison: The treatments of one data set.

    Returns:
        None if the compared treatments are no full grid of exactly two factors, or if there is no verdict.
    """
    verdict, treatments = comparison.verdict, comparison.compared
    if verdict is None:
        return None
    swept = _find_factors(treatments)
    if len(swept) != 2:
        return None
    means = verdict.spread.means
    levels = [_order_levels(values, means) for _, values in swept]
    shape = tuple(len(of_factor) for of_factor in levels)
    if shape[0] * shape[1] != len(treatments):
        return None
    cells = np.full(shape, -1)
    for index in range(len(treatments)):
        cells[levels[0].index(swept[0][1][index]), levels[1].index(swept[1][1][index])] = index
    if (cells < 0).any():
        return None
    effects = (compute_main_effect(verdict.spread, cells), compute_main_effect(verdict.spread, cells.T))
    averages = (means[cells].mean(axis=1), means[cells].mean(axis=0))
    first, second = (
        Factor(name.rpartition(".")[2], of_factor, average.tolist(), effect)
        for (name, _), of_factor, average, effect in zip(swept, levels, averages, effects, strict=True)
    )
    return Design((first, second), means[cells].tolist(), find_interaction(verdict.spread, cells))


def _find_factors(treatments: Sequence[Treatment]) -> list[tuple[str, list[str]]]:
    """Return (name, level of each treatment) of each factor. Settings that always change together are one factor."""
    options = [{group: one.get_option(group) for group in OPTIONS} for one in treatments]
    differing = find_differing_settings(options, [one.settings for one in treatments])
    factors: dict[tuple[int, ...], tuple[str, list[str]]] = {}
    for name, values in differing:
        pattern = tuple(values.index(value) for value in values)  # equal for settings that change together
        factors.setdefault(pattern, (name, values))
    return list(factors.values())


def _order_levels(values: Sequence[str], means: np.ndarray) -> list[str]:
    """Return the levels by falling mean score."""
    averages = {
        value: float(np.mean([means[index] for index, other in enumerate(values) if other == value]))
        for value in values
    }
    return sorted(averages, key=lambda value: -averages[value])
