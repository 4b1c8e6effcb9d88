"""Whether the tokenizers' figures matter: within each model by groups of questions, and across models by rank.

Both are associations. An answer with a continued word is rarer and longer than others, whatever the tokenizer does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlqa.display.tokenizer_labels import FIGURES
from mlqa.metrics.bootstrap import estimate_figure_intervals
from mlqa.metrics.groups import CONTINUED, CUT_WRONGLY, FREQUENT, NO_SUFFIX, NOT_CUT, RARE, WHOLE_WORDS
from mlqa.report.cells import Cell, Column, Table, build_table, make_name_cell, make_number_column, make_text_column
from mlqa.report.comparison import Comparison
from mlqa.report.grouping import group_by
from mlqa.report.treatments import Treatment
from mlqa.report.wording import MINUS, format_interval

FEWEST_MODELS = 6  # with fewer, chance alone often puts two rankings in the same order
FEWEST_QUESTIONS = 10  # in a group: the interval of fewer means nothing
# label, grouping of the breakdown, the groups that are compared
CONTRASTS = (
    ("a word of the answer is continued", "gold_words", (CONTINUED,), (WHOLE_WORDS,)),
    ("a suffix of the answer is cut wrongly", "gold_suffixes", (CUT_WRONGLY,), (NOT_CUT, NO_SUFFIX)),
    ("a word of the answer is rare in train", "gold_rarity", (RARE,), (FREQUENT,)),
)
RANKED = (
    "fertility", "continued_words", "single_token_retention", "characters_per_token", "renyi_efficiency", "morpheme_f1",
    "clean_suffixes", "morphscore_recall", "language_tokens", "pure_tokens", "boundary_recall", "oracle_f1",
)  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """A treatment's score on the questions of a group, and on those outside it.

    Attributes:
        treatment: The treatment.
        label: What the questions of the group have in common.
        questions: How many are in the group, and how many outside.
        scores: Mean score (0-100) in the group, and outside.
        interval: 95 % interval of the difference of the two, None if there is none.
    """

    treatment: Treatment
    label: str
    questions: tuple[int, int]
    scores: tuple[float, float]
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation of a figure with the score over `models` models."""

    figure: str
    rho: float
    models: int


@dataclass(frozen=True)
class TokenizerEffects:
    """What the report says of the tokenizers' figures and the scores."""

    effects: list[Effect]
    correlations: list[RankCorrelation]

    @property
    def models(self) -> int:
        """The largest number of models behind a correlation."""
        return max((one.models for one in self.correlations), default=0)

    @property
    def caution(self) -> str:
        """A warning if there are too few models for a correlation, else nothing."""
        if not self.correlations or self.models >= FEWEST_MODELS:
            return ""
        return (
            f"{self.models} models are too few: below {FEWEST_MODELS} a rank correlation may be large by chance alone. "
            "Do not choose a tokenizer by it."
        )


def measure_tokenizer_effects(comparison: Comparison) -> TokenizerEffects:
    """Compare groups of questions within each treatment, and rank models by each figure."""
    effects = []
    if comparison.questions is not None:
        for treatment, seeds in zip(comparison.compared, comparison.scores, strict=True):
            groups = seeds[0].runs[0][1].groups  # all seeds have the same tokenizer
            scores = np.mean([of_seed.primary for of_seed in seeds], axis=0)
            for label, grouping, inside, outside in CONTRASTS:
                of_rows = np.array([of_one.get(grouping, "") for of_one in groups])
                members = np.isin(of_rows, inside), np.isin(of_rows, outside)
                if all(group.sum() >= FEWEST_QUESTIONS for group in members):
                    effects.append(_compare(treatment, label, scores, members, comparison.questions.context_of))
    return TokenizerEffects(effects, _rank_models(comparison.treatments))


def _compare(
    treatment: Treatment, label: str, scores: np.ndarray, members: tuple[np.ndarray, np.ndarray], context_of: np.ndarray
) -> Effect:
    """Compare the mean scores of two groups, with whole contexts drawn for the interval. The model stays the same."""
    _, context = np.unique(context_of, return_inverse=True)
    columns = {}
    for name, group in zip(("in", "out"), members, strict=True):
        columns[f"{name}_rows"] = np.bincount(context, weights=group * 1.0)
        columns[f"{name}_score"] = np.bincount(context, weights=group * scores)

    def summarize(sums: Mapping[str, Any]) -> dict[str, Any]:
        means = [sums[f"{name}_score"] / np.maximum(sums[f"{name}_rows"], 1) for name in ("in", "out")]
        return {"difference": means[0] - means[1]}

    interval = estimate_figure_intervals(columns, summarize).get("difference")
    means = float(scores[members[0]].mean()), float(scores[members[1]].mean())
    return Effect(treatment, label, (int(members[0].sum()), int(members[1].sum())), means, interval)


def _rank_models(treatments: Sequence[Treatment]) -> list[RankCorrelation]:
    """Correlate each figure with the mean score of each model that has it, if at least three models do."""
    by_model = group_by(treatments, lambda one: one.model).values()
    correlations = []
    for name in RANKED:
        points = []
        for group in by_model:
            figures = [figure for one in group if (figure := one.compute_mean("tokenization", name)) is not None]
            if figures:
                points.append((float(np.mean(figures)), float(np.mean([one.score for one in group]))))
        rho = compute_rank_correlation(points)
        if rho is not None:
            correlations.append(RankCorrelation(name, rho, len(points)))
    return correlations


def compute_rank_correlation(points: Sequence[tuple[float, float]]) -> float | None:
    """Return Spearman's rank correlation with mean ranks for ties (Spearman 1904).

    Returns:
        A number from -1 to 1, None for fewer than three points or if one side has no two different values.
    """
    if len(points) < 3:
        return None
    ranks = [_rank_values(np.round(side, 9)) for side in np.array(points).T]
    if any(np.ptp(side) == 0 for side in ranks):
        return None
    return float(np.corrcoef(np.stack(ranks))[0, 1])


def _rank_values(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def build_effect_table(effects: TokenizerEffects) -> Table:
    """Build the table of groups of questions: one row per treatment and group."""

    def format_pair(get: Callable[[Effect], float]) -> Callable[[Effect], Cell]:
        return lambda one: Cell(f"{get(one):.2f}", get(one))

    def make_difference(one: Effect) -> Cell:
        difference = one.scores[0] - one.scores[1]
        return Cell(_format_signed(difference), difference, format_interval(*one.interval) if one.interval else "")

    columns = (
        Column("treatment", lambda one: make_name_cell(one.treatment.whole_name, one.treatment.name), False),
        make_text_column("questions in which", lambda one: one.label),
        make_number_column("questions", ",.0f", lambda one: one.questions[0]),
        Column("score", format_pair(lambda one: one.scores[0])),
        make_number_column("other questions", ",.0f", lambda one: one.questions[1]),
        Column("their score", format_pair(lambda one: one.scores[1])),
        Column("difference", make_difference),
    )
    return build_table(columns, effects.effects)


def _format_signed(number: float) -> str:
    return f"{number:+.2f}".replace("-", MINUS)


def build_correlation_table(effects: TokenizerEffects) -> Table:
    """Build the table of rank correlations: one row per figure."""
    columns = (
        Column("figure", lambda one: Cell(FIGURES[one.figure].label), False),
        Column("rank correlation with the score", lambda one: Cell(_format_signed(one.rho), one.rho)),
        make_number_column("models", ".0f", lambda one: one.models),
    )
    return build_table(columns, effects.correlations)
