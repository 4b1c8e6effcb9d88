"""The tables of a comparison: results, scores, tokenizers, differences, and published results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlqa.display.tokenizer_labels import FIGURES
from mlqa.report.cells import Cell, Column, Table, build_table, make_name_cell, make_number_cell, make_text_cell
from mlqa.report.comparison import Comparison
from mlqa.report.configurations import Configuration
from mlqa.report.members import Member
from mlqa.report.reference import PublishedResult
from mlqa.report.significance import Difference
from mlqa.report.wording import format_price, format_verdict

# heading, suffix of the metrics' names
SCORES = (
    ("official", ""),
    ("language's rules", "_language"),
    ("unseen contexts", "_unseen"),
    ("unseen, language's rules", "_language_unseen"),
)
RESULT_COLUMNS = (
    Column("configuration", False),
    Column("EM", True),
    Column("F1", True),
    Column("minutes", True),
    Column("$", True),
    Column("$ per hour", True),
    Column("Pareto front", False, True),
    Column("instance", False, True),
    Column("count", True),
    Column("distribution", False, True),
    Column("epochs", True),
    Column("model", False, True),
    Column("vocabulary", True),
    Column("seeds", True),
)


def build_result_table(configurations: Sequence[Configuration]) -> Table:
    """Build the main table: scores, price and hardware, one row per configuration."""
    return build_table(RESULT_COLUMNS, [_make_result_row(one) for one in configurations])


def _make_result_row(one: Configuration) -> list[Cell]:
    first = one.first
    fronts = [name for axis, name in (("usd", "dollars"), ("minutes", "minutes")) if axis in one.on_fronts]
    return [
        make_name_cell(one.whole_name, one.name),
        make_score_cell(one, "exact_match"),
        make_score_cell(one, "f1"),
        make_number_cell(one.minutes, ".1f"),
        Cell(format_price(one), one.usd),
        make_number_cell(one.compute_mean("cost", "usd_per_hour") or None, ".3f"),  # 0 is a machine without a price
        make_text_cell(", ".join(fronts)),
        make_text_cell(get_instance_type(first)),
        make_number_cell(get_instance_count(first), ".0f"),
        make_text_cell(format_optional(first.get_config_value("hardware", "distribution"))),
        make_number_cell(first.get_config_value("training", "num_train_epochs"), "g"),
        make_name_cell(one.model),
        make_number_cell(one.compute_mean("tokenization", "vocab_size"), ",.0f"),
        make_number_cell(len(one.seeds), "d"),
    ]


def build_published_table(published: Sequence[PublishedResult]) -> Table:
    """Build the table of published results, with the columns of the main table.

    A cell is empty if the source does not give its value.
    """
    return build_table(RESULT_COLUMNS, [_make_published_row(row) for row in published])


def _make_published_row(row: PublishedResult) -> list[Cell]:
    return [
        make_text_cell(f"{row.model} on {row.hardware}"),
        make_number_cell(row.exact_match, ".2f"),
        make_number_cell(row.f1, ".2f"),
        make_number_cell(None if row.seconds is None else row.seconds / 60, ".1f"),
        make_number_cell(row.usd, ".2f"),
        make_number_cell(row.usd_per_hour, ".3f"),
        make_text_cell(""),
        make_text_cell(row.instance_type),
        make_number_cell(row.instance_count, "d"),
        make_text_cell(row.distribution),
        make_number_cell(row.epochs, "g"),
        make_text_cell(row.checkpoint),
        make_number_cell(row.vocab_size, ",.0f"),
        make_text_cell(""),
    ]


def make_score_cell(one: Configuration, name: str) -> Cell:
    """Make the cell of a score, with its interval and, if there are several seeds, the deviation over them.

    Args:
        one: A configuration.
        name: Key of the score in the metrics of result.json.
    """
    mean, interval = one.compute_mean("metrics", name), one.compute_interval(name)
    if mean is None:
        return Cell("")
    deviation = one.compute_std("metrics", name)
    shown = f"{mean:.2f}" + (f" ± {deviation:.2f}" if deviation is not None else "")
    return Cell(shown, mean, f"[{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")


SCORE_COLUMNS = (
    Column("configuration", False),
    *(Column(f"{score}, {heading}", True) for heading, _ in SCORES for score in ("EM", "F1")),
    Column("questions", True),
    Column("unseen", True),
)


def build_score_table(configurations: Sequence[Configuration]) -> Table:
    """Build the table of official, language-aware and unseen-context scores, one row per configuration."""
    return build_table(SCORE_COLUMNS, [_make_score_row(one) for one in configurations])


def _make_score_row(one: Configuration) -> list[Cell]:
    return [
        make_name_cell(one.whole_name, one.name),
        *(make_score_cell(one, f"{name}{ending}") for _, ending in SCORES for name in ("exact_match", "f1")),
        make_number_cell(one.compute_mean("metrics", "total"), ".0f"),
        make_number_cell(one.compute_mean("metrics", "total_unseen"), ".0f"),
    ]


TOKENIZER_FIGURES = (
    "vocab_size", "fertility", "continued_words", "unk_rate", "characters_per_token", "morpheme_precision",
    "morpheme_recall", "boundary_recall", "oracle_exact_match", "oracle_f1", "windows_per_question", "embedding_share",
)  # fmt: skip
TOKENIZER_COLUMNS = (
    Column("configuration", False),
    Column("F1 reached", True),
    Column("share of oracle F1", True),
    *(Column(FIGURES[key].label, True) for key in TOKENIZER_FIGURES),
)


def build_tokenizer_table(configurations: Sequence[Configuration]) -> Table:
    """Build the table of tokenizer figures and F1, one row per configuration."""
    return build_table(TOKENIZER_COLUMNS, [_make_tokenizer_row(one) for one in configurations])


def _make_tokenizer_row(one: Configuration) -> list[Cell]:
    oracle = one.compute_mean("tokenization", "oracle_f1")
    means = {key: one.compute_mean("tokenization", key) for key in TOKENIZER_FIGURES}
    return [
        make_name_cell(one.whole_name, one.name),
        make_number_cell(one.f1, ".2f"),
        make_number_cell(one.f1 / oracle if oracle else None, ".1%"),
        *(Cell("") if mean is None else Cell(FIGURES[key].shown.format(mean), mean) for key, mean in means.items()),
    ]


PAIR_COLUMNS = (
    Column("first", False),
    Column("second", False),
    Column("F1, first − second", True),
    Column("95 % interval", True),
    Column("p", True),
    Column("p, Holm", True),
    Column("verdict", False, True),
    Column("unseen contexts: first − second", True),
    Column("unseen contexts: p, Holm", True),
)


def build_pair_table(comparison: Comparison, differences: Sequence[Difference]) -> Table:
    """Build the table of differences in F1, also on unseen contexts if these are not all contexts.

    Args:
        comparison: The comparison.
        differences: Those of its differences that are shown, one row each.
    """
    unseen_of = {(one.first, one.second): one for one in comparison.unseen_differences}
    rows = []
    for one in differences:
        first, second = comparison.compared[one.first], comparison.compared[one.second]
        unseen = unseen_of.get((one.first, one.second))
        blank = Cell("")
        rows.append(
            [
                make_name_cell(first.whole_name, first.name),
                make_name_cell(second.whole_name, second.name),
                Cell(f"{one.mean:+.2f}", one.mean),
                Cell(_format_interval(one), one.low),
                _make_p_value_cell(one.p),
                _make_p_value_cell(one.p_holm),
                make_text_cell(format_verdict(one)),
                Cell(f"{unseen.mean:+.2f}", unseen.mean, _format_interval(unseen)) if unseen else blank,
                _make_p_value_cell(unseen.p_holm) if unseen else blank,
            ]
        )
    return build_table(PAIR_COLUMNS, rows)


def _format_interval(difference: Difference) -> str:
    return f"{difference.low:+.2f} … {difference.high:+.2f}"


def _make_p_value_cell(p: float) -> Cell:
    return Cell(f"{p:.4f}" if p >= 0.0001 else "< 0.0001", p)


def get_instance_type(member: Member) -> str:
    """Return the instance type of a member.

    Args:
        member: A member of a sweep.

    Returns:
        The type that was paid for, or else the one that was requested. "local" means this machine, "" that neither is
        recorded.
    """
    requested = member.get_config_value("hardware", "instance_type")
    known = "hardware" in member.config
    return member.get_text("cost", "instance_type") or (str(requested) if requested else "local" if known else "")


def get_instance_count(member: Member) -> float | None:
    """Return the number of instances that were paid for, or else requested. None if neither is recorded."""
    paid = member.get_number("cost", "instance_count")
    requested = member.get_config_value("hardware", "instance_count")
    return paid if paid is not None else requested if isinstance(requested, int) else None


def format_optional(value: Any) -> str:
    """Format a setting. Return "" if it is None or "none"."""
    return "" if value in (None, "none") else str(value)
