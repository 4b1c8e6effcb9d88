"""The tables of a comparison: results, scores, tokenizers, differences, and published results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

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
TOKENIZER_FIGURES = (
    "vocab_size", "fertility", "continued_words", "unk_rate", "characters_per_token", "morpheme_precision",
    "morpheme_recall", "boundary_recall", "oracle_exact_match", "oracle_f1", "windows_per_question", "embedding_share",
)  # fmt: skip


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


def _make_figure_cell(one: Configuration, name: str) -> Cell:
    mean = one.compute_mean("tokenization", name)
    return Cell("") if mean is None else Cell(FIGURES[name].shown.format(mean), mean)


def _compute_oracle_share(one: Configuration) -> float | None:
    oracle = one.compute_mean("tokenization", "oracle_f1")
    return one.f1 / oracle if oracle else None


def _join_fronts(one: Configuration) -> str:
    return ", ".join(name for axis, name in (("usd", "dollars"), ("minutes", "minutes")) if axis in one.on_fronts)


Row = TypeVar("Row")
Columns = Sequence[tuple[Column, Callable[[Row], Cell]]]  # each column with what makes its cell
NAME: tuple[Column, Callable[[Configuration], Cell]] = (
    Column("configuration", False),
    lambda one: make_name_cell(one.whole_name, one.name),
)
RESULTS: Columns[Configuration] = (
    NAME,
    (Column("EM", True), lambda one: make_score_cell(one, "exact_match")),
    (Column("F1", True), lambda one: make_score_cell(one, "f1")),
    (Column("minutes", True), lambda one: make_number_cell(one.minutes, ".1f")),
    (Column("$", True), lambda one: Cell(format_price(one), one.usd)),
    # A price of 0 per hour means a machine without a price.
    (Column("$ per hour", True), lambda one: make_number_cell(one.compute_mean("cost", "usd_per_hour") or None, ".3f")),
    (Column("Pareto front", False, True), lambda one: make_text_cell(_join_fronts(one))),
    (Column("instance", False, True), lambda one: make_text_cell(get_instance_type(one.first))),
    (Column("count", True), lambda one: make_number_cell(get_instance_count(one.first), ".0f")),
    (
        Column("distribution", False, True),
        lambda one: make_text_cell(format_optional(one.first.get_config_value("hardware", "distribution"))),
    ),
    (
        Column("epochs", True),
        lambda one: make_number_cell(one.first.get_config_value("training", "num_train_epochs"), "g"),
    ),
    (Column("model", False, True), lambda one: make_name_cell(one.model)),
    (Column("vocabulary", True), lambda one: _make_figure_cell(one, "vocab_size")),
    (Column("seeds", True), lambda one: make_number_cell(len(one.seeds), "d")),
)
PUBLISHED: Columns[PublishedResult] = (
    (Column("configuration", False), lambda row: make_text_cell(f"{row.model} on {row.hardware}")),
    (Column("EM", True), lambda row: make_number_cell(row.exact_match, ".2f")),
    (Column("F1", True), lambda row: make_number_cell(row.f1, ".2f")),
    (Column("minutes", True), lambda row: make_number_cell(row.get_cost("minutes"), ".1f")),
    (Column("$", True), lambda row: make_number_cell(row.usd, ".2f")),
    (Column("$ per hour", True), lambda row: make_number_cell(row.usd_per_hour, ".3f")),
    (Column("instance", False), lambda row: make_text_cell(row.instance_type)),
    (Column("count", True), lambda row: make_number_cell(row.instance_count, "d")),
    (Column("distribution", False), lambda row: make_text_cell(row.distribution)),
    (Column("epochs", True), lambda row: make_number_cell(row.epochs, "g")),
    (Column("model", False), lambda row: make_text_cell(row.checkpoint)),
    (Column("vocabulary", True), lambda row: make_number_cell(row.vocab_size, ",.0f")),
)
SIDE_BY_SIDE: Columns[Configuration] = (
    NAME,
    *(
        (Column(f"{score}, {heading}", True), lambda one, key=f"{name}{ending}": make_score_cell(one, key))
        for heading, ending in SCORES
        for score, name in (("EM", "exact_match"), ("F1", "f1"))
    ),
    (Column("questions", True), lambda one: make_number_cell(one.compute_mean("metrics", "total"), ".0f")),
    (Column("unseen", True), lambda one: make_number_cell(one.compute_mean("metrics", "total_unseen"), ".0f")),
)
TOKENIZERS: Columns[Configuration] = (
    NAME,
    (Column("F1 reached", True), lambda one: make_number_cell(one.f1, ".2f")),
    (Column("share of oracle F1", True), lambda one: make_number_cell(_compute_oracle_share(one), ".1%")),
    *(
        (Column(FIGURES[key].label, True), lambda one, key=key: _make_figure_cell(one, key))
        for key in TOKENIZER_FIGURES
    ),
)


def _tabulate(columns: Columns[Row], rows: Sequence[Row]) -> Table:
    return build_table([column for column, _ in columns], [[make(row) for _, make in columns] for row in rows])


def build_result_table(configurations: Sequence[Configuration]) -> Table:
    """Build the main table: scores, price and hardware, one row per configuration."""
    return _tabulate(RESULTS, configurations)


def build_published_table(published: Sequence[PublishedResult]) -> Table:
    """Build the table of published results. A cell is empty if the source does not give its value."""
    return _tabulate(PUBLISHED, published)


def build_score_table(configurations: Sequence[Configuration]) -> Table:
    """Build the table of official, language-aware and unseen-context scores, one row per configuration."""
    return _tabulate(SIDE_BY_SIDE, configurations)


def build_tokenizer_table(configurations: Sequence[Configuration]) -> Table:
    """Build the table of tokenizer figures and F1, one row per configuration."""
    return _tabulate(TOKENIZERS, configurations)


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
