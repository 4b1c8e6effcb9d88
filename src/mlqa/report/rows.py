"""The columns of a comparison's tables: results, scores, tokenizers, differences, and published results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mlqa.display.tokenizer_labels import FIGURES
from mlqa.report.cells import Cell, Column, Table, build_table, make_name_cell, make_number_column, make_text_column
from mlqa.report.comparison import Comparison
from mlqa.report.configurations import Configuration
from mlqa.report.significance import Difference
from mlqa.report.wording import format_price, format_verdict

# heading, suffix of the metrics' names
SCORES = (
    ("official", ""),
    ("language's rules", "_language"),
    ("unseen contexts", "_unseen"),
    ("unseen, language's rules", "_language_unseen"),
)
TOKENIZER_FIGURES = (
    "vocab_size", "fertility", "continued_words", "unk_rate", "characters_per_token", "morpheme_precision",
    "morpheme_recall", "boundary_recall", "oracle_exact_match", "oracle_f1", "windows_per_question", "embedding_share",
)  # fmt: skip


def _make_score_column(heading: str, name: str) -> Column:
    """Make a column of a score, with its interval and, if there are several seeds, the deviation over them."""

    def make_cell(one: Configuration) -> Cell:
        mean, interval = one.compute_mean("metrics", name), one.compute_interval(name)
        if mean is None:
            return Cell("")
        deviation = one.compute_std("metrics", name)
        shown = f"{mean:.2f}" + (f" ± {deviation:.2f}" if deviation is not None else "")
        return Cell(shown, mean, f"[{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")

    return Column(heading, make_cell)


def _make_figure_column(heading: str, name: str) -> Column:
    return make_number_column(heading, FIGURES[name].form, lambda one: one.compute_mean("tokenization", name))


def _compute_oracle_share(one: Configuration) -> float | None:
    oracle = one.compute_mean("tokenization", "oracle_f1")
    return one.f1 / oracle if oracle else None


def _join_fronts(one: Configuration) -> str:
    return ", ".join(name for axis, name in (("usd", "dollars"), ("minutes", "minutes")) if axis in one.on_fronts)


NAME = Column("configuration", lambda one: make_name_cell(one.whole_name, one.name), False)
RESULTS = (
    NAME,
    _make_score_column("EM", "exact_match"),
    _make_score_column("F1", "f1"),
    make_number_column("minutes", ".1f", lambda one: one.minutes),
    Column("$", lambda one: Cell(format_price(one), one.usd)),
    # A price of 0 per hour means a machine without a price.
    make_number_column("$ per hour", ".3f", lambda one: one.compute_mean("cost", "usd_per_hour") or None),
    make_text_column("Pareto front", _join_fronts, True),
    make_text_column("instance", lambda one: one.first.instance_type, True),
    make_number_column("count", ".0f", lambda one: one.first.instance_count),
    make_text_column("distribution", lambda one: one.first.distribution, True),
    make_number_column("epochs", "g", lambda one: one.first.epochs),
    Column("model", lambda one: make_name_cell(one.model), False, True),
    _make_figure_column("vocabulary", "vocab_size"),
    make_number_column("seeds", "d", lambda one: len(one.seeds)),
)
SIDE_BY_SIDE = (
    NAME,
    *(
        _make_score_column(f"{score}, {heading}", f"{name}{ending}")
        for heading, ending in SCORES
        for score, name in (("EM", "exact_match"), ("F1", "f1"))
    ),
    make_number_column("questions", ".0f", lambda one: one.compute_mean("metrics", "total")),
    make_number_column("unseen", ".0f", lambda one: one.compute_mean("metrics", "total_unseen")),
)
TOKENIZERS = (
    NAME,
    make_number_column("F1 reached", ".2f", lambda one: one.f1),
    make_number_column("share of oracle F1", ".1%", _compute_oracle_share),
    *(_make_figure_column(FIGURES[key].label, key) for key in TOKENIZER_FIGURES),
)
TABLES = {"results": RESULTS, "scores": SIDE_BY_SIDE, "tokenizers": TOKENIZERS}  # a row per configuration
PUBLISHED = (
    make_text_column("configuration", lambda row: f"{row.model} on {row.hardware}"),
    make_number_column("EM", ".2f", lambda row: row.exact_match),
    make_number_column("F1", ".2f", lambda row: row.f1),
    make_number_column("minutes", ".1f", lambda row: row.minutes),
    make_number_column("$", ".2f", lambda row: row.usd),
    make_number_column("$ per hour", ".3f", lambda row: row.usd_per_hour),
    make_text_column("instance", lambda row: row.instance_type),
    make_number_column("count", "d", lambda row: row.instance_count),
    make_text_column("distribution", lambda row: row.distribution),
    make_number_column("epochs", "g", lambda row: row.epochs),
    make_text_column("model", lambda row: row.checkpoint),
    make_number_column("vocabulary", ",.0f", lambda row: row.vocab_size),
)


class Pair(NamedTuple):
    """Two configurations that were compared, and their difference over all and over unseen contexts."""

    first: Configuration
    second: Configuration
    difference: Difference
    unseen: Difference | None


def _make_interval_cell(pair: Pair) -> Cell:
    return Cell(_format_interval(pair.difference), pair.difference.low)


def _make_unseen_cell(pair: Pair) -> Cell:
    one = pair.unseen
    return Cell(f"{one.mean:+.2f}", one.mean, _format_interval(one)) if one else Cell("")


def _make_p_value_cell(p: float | None) -> Cell:
    return Cell("" if p is None else f"{p:.4f}" if p >= 0.0001 else "< 0.0001", p)


def _format_interval(difference: Difference) -> str:
    return f"{difference.low:+.2f} … {difference.high:+.2f}"


PAIRS = (
    Column("first", lambda pair: make_name_cell(pair.first.whole_name, pair.first.name), False),
    Column("second", lambda pair: make_name_cell(pair.second.whole_name, pair.second.name), False),
    make_number_column("F1, first − second", "+.2f", lambda pair: pair.difference.mean),
    Column("95 % interval", _make_interval_cell),
    Column("p", lambda pair: _make_p_value_cell(pair.difference.p)),
    Column("p, Holm", lambda pair: _make_p_value_cell(pair.difference.p_holm)),
    make_text_column("verdict", lambda pair: format_verdict(pair.difference), True),
    Column("unseen contexts: first − second", _make_unseen_cell),
    Column("unseen contexts: p, Holm", lambda pair: _make_p_value_cell(pair.unseen and pair.unseen.p_holm)),
)


def build_pair_table(comparison: Comparison, differences: Sequence[Difference]) -> Table:
    """Build the table of differences in F1, also on unseen contexts if these are not all contexts.

    Args:
        comparison: The comparison.
        differences: Those of its differences that are shown, one row each.
    """
    unseen_of = {(one.first, one.second): one for one in comparison.unseen_differences}
    compared = comparison.compared
    pairs = [
        Pair(compared[one.first], compared[one.second], one, unseen_of.get((one.first, one.second)))
        for one in differences
    ]
    return build_table(PAIRS, pairs)
