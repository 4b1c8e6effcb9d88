"""Configurations and published results as rows of tables."""

from __future__ import annotations

from typing import Any

from mlqa.display.tokenizer_labels import FIGURES
from mlqa.report.cells import Cell, Column, make_name_cell, make_number_cell, make_text_cell
from mlqa.report.configurations import Configuration
from mlqa.report.members import Member
from mlqa.report.reference import PublishedResult
from mlqa.report.wording import format_price

# What stands side by side: heading, the ending of the metrics' names.
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


def make_result_row(one: Configuration) -> list[Cell]:
    """The original experiment's row of a configuration: cells of RESULT_COLUMNS."""
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


def make_published_row(row: PublishedResult) -> list[Cell]:
    """A published result in the same columns; what its source does not give is empty."""
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
    """A score with its interval, and with the deviation over seeds where there are several."""
    mean, interval, deviation = (
        one.compute_mean("metrics", name),
        one.compute_interval(name),
        one.compute_std("metrics", name),
    )
    if mean is None:
        return Cell("")
    shown = f"{mean:.2f}" + (f" ± {deviation:.2f}" if deviation is not None else "")
    return Cell(shown, mean, f"[{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")


SCORE_COLUMNS = (
    Column("configuration", False),
    *(Column(f"{score}, {heading}", True) for heading, _ in SCORES for score in ("EM", "F1")),
    Column("questions", True),
    Column("unseen", True),
)


def make_score_row(one: Configuration) -> list[Cell]:
    """Cells of SCORE_COLUMNS."""
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


def make_tokenizer_row(one: Configuration) -> list[Cell]:
    """Cells of TOKENIZER_COLUMNS."""
    oracle = one.compute_mean("tokenization", "oracle_f1")
    means = {key: one.compute_mean("tokenization", key) for key in TOKENIZER_FIGURES}
    return [
        make_name_cell(one.whole_name, one.name),
        make_number_cell(one.f1, ".2f"),
        make_number_cell(one.f1 / oracle if oracle else None, ".1%"),
        *(Cell("") if mean is None else Cell(FIGURES[key].shown.format(mean), mean) for key, mean in means.items()),
    ]


def get_instance_type(member: Member) -> str:
    """The instance type that was paid or asked for; "local" for this machine, "" where neither is recorded."""
    asked = member.get_config_value("hardware", "instance_type")
    known = "hardware" in member.config
    return member.get_text("cost", "instance_type") or (str(asked) if asked else "local" if known else "")


def get_instance_count(member: Member) -> float | None:
    found = member.get_number("cost", "instance_count")
    asked = member.get_config_value("hardware", "instance_count")
    return found if found is not None else asked if isinstance(asked, int) else None


def format_optional(value: Any) -> str:
    return "" if value in (None, "none") else str(value)
