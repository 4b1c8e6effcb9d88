"""Configurations and members as rows of tables, the same for page, CSV and Markdown.

A cell is what is shown and what is sorted by; numbers that are not known are empty, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.report.configurations import Configuration, choice
from mlqa.report.members import Member
from mlqa.report.reading import at, finite
from mlqa.report.reference import Published
from mlqa.report.wording import dollars

# What stands side by side: heading, the ending of the metrics' names.
SCORES = (
    ("official", ""),
    ("language's rules", "_language"),
    ("unseen contexts", "_unseen"),
    ("unseen, language's rules", "_language_unseen"),
)


@dataclass(frozen=True)
class Cell:
    """`value`: what a column is sorted by, None where nothing is known; `detail` stands below or after the text."""

    text: str
    value: float | str | None = None
    detail: str = ""

    @property
    def line(self) -> str:
        """Text and detail in one line."""
        return f"{self.text} {self.detail}".rstrip()


@dataclass(frozen=True)
class Column:
    heading: str
    is_number: bool
    can_filter: bool = False  # a choice of its values is offered


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


def result_row(one: Configuration) -> list[Cell]:
    """The original experiment's row of a configuration: cells of RESULT_COLUMNS."""
    first = one.first
    fronts = [name for axis, name in (("usd", "dollars"), ("minutes", "minutes")) if axis in one.on_fronts]
    return [
        _text(one.name),
        score_cell(one, "exact_match"),
        score_cell(one, "f1"),
        _number(one.minutes, ".1f"),
        Cell(dollars(one), one.usd),
        _number(one.mean("cost", "usd_per_hour") or None, ".3f"),  # 0 is a machine without a price
        _text(", ".join(fronts)),
        _text(instance(first)),
        _number(_instance_count(first), ".0f"),
        _text(_plain(first.config_at("hardware", "distribution"))),
        _number(first.config_at("training", "num_train_epochs"), "g"),
        _text(one.model),
        _number(one.mean("tokenization", "vocab_size"), ",.0f"),
        _number(len(one.seeds), "d"),
    ]


def published_row(row: Published) -> list[Cell]:
    """A published result in the same columns; what its source does not give is empty."""
    return [
        _text(f"{row.model} on {row.hardware}"),
        _number(row.exact_match, ".2f"),
        _number(row.f1, ".2f"),
        _number(None if row.seconds is None else row.seconds / 60, ".1f"),
        _number(row.usd, ".2f"),
        _number(row.usd_per_hour, ".3f"),
        _text(""),
        _text(row.instance_type),
        _number(row.instance_count, "d"),
        _text(row.distribution),
        _number(row.epochs, "g"),
        _text(row.checkpoint),
        _number(row.vocab_size, ",.0f"),
        _text(""),
    ]


def score_cell(one: Configuration, name: str) -> Cell:
    """A score with its interval, and with the deviation over seeds where there are several."""
    mean, interval, deviation = one.mean("metrics", name), one.interval(name), one.deviation("metrics", name)
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


def score_row(one: Configuration) -> list[Cell]:
    """Cells of SCORE_COLUMNS."""
    return [
        _text(one.name),
        *(score_cell(one, f"{name}{ending}") for _, ending in SCORES for name in ("exact_match", "f1")),
        _number(one.mean("metrics", "total"), ".0f"),
        _number(one.mean("metrics", "total_unseen"), ".0f"),
    ]


_FIGURES: tuple[tuple[str, str, str], ...] = (
    ("vocabulary", "vocab_size", ",.0f"),
    ("fertility", "fertility", ".3f"),
    ("continued words", "continued_words", ".1%"),
    ("unknown", "unk_rate", ".2%"),
    ("answer-boundary recall", "boundary_recall", ".1%"),
    ("oracle EM", "oracle_exact_match", ".2f"),
    ("oracle F1", "oracle_f1", ".2f"),
)
TOKENIZER_COLUMNS = (
    Column("configuration", False),
    *(Column(heading, True) for heading, _, _ in _FIGURES),
    Column("F1 reached", True),
    Column("share of the oracle", True),
)


def tokenizer_row(one: Configuration) -> list[Cell]:
    """Cells of TOKENIZER_COLUMNS."""
    oracle = one.mean("tokenization", "oracle_f1")
    return [
        _text(one.name),
        *(_number(one.mean("tokenization", key), form) for _, key, form in _FIGURES),
        _number(one.f1, ".2f"),
        _number(one.f1 / oracle if oracle else None, ".1%"),
    ]


MEMBER_COLUMNS = (
    Column("member", False),
    Column("status", False, True),
    Column("model", False, True),
    Column("hardware", False, True),
    Column("seed", True),
    Column("F1", True),
    Column("minutes", True),
    Column("$", True),
    Column("overrides", False),
    Column("commit", False),
    Column("versions", False),
    Column("data", False),
    Column("config", False),
)


def member_row(member: Member) -> list[Cell]:
    """Cells of MEMBER_COLUMNS: what a member was told, and what it ran with."""
    versions = at(member.result, "versions")
    named = versions if isinstance(versions, dict) else {}
    told = ", ".join(f"{key} {value}" for key, value in named.items() if key != "commit")
    usd = member.usd
    return [
        _text(member.label),
        _text(member.status),
        _text(choice(member, "model")),
        _text(choice(member, "hardware")),
        _number(member.seed, "d"),
        _number(member.number("metrics", "f1"), ".2f"),
        _number(member.minutes, ".1f"),
        _number(usd, ".2f" if usd is None or usd >= 0.1 else ".4f"),
        _text(" ".join(member.overrides)),
        _text(named.get("commit", "")),
        _text(told),
        _text(member.text("dataset", "fingerprint") or ""),
        _text(member.text("config_hash") or ""),
    ]


CSV_COLUMNS: tuple[tuple[str, Callable[[Member], Any]], ...] = (
    ("sweep", lambda member: member.sweep),
    ("member", lambda member: member.name),
    ("status", lambda member: member.status),
    ("reason", lambda member: member.reason),
    *((group, lambda member, group=group: choice(member, group)) for group in ("model", "dataset", "hardware")),
    ("seed", lambda member: member.seed),
    ("vocab_size", lambda member: member.number("tokenization", "vocab_size")),
    ("instance_type", lambda member: instance(member)),
    ("instance_count", lambda member: _instance_count(member)),
    ("distribution", lambda member: _plain(member.config_at("hardware", "distribution"))),
    ("epochs", lambda member: member.config_at("training", "num_train_epochs")),
    *(
        (f"{name}{ending}{bound}", lambda member, key=f"{name}{ending}{bound}": member.number("metrics", key))
        for _, ending in SCORES
        for name in ("exact_match", "f1")
        for bound in ("", "_ci_low", "_ci_high")
    ),
    *((key, lambda member, key=key: member.number("metrics", key)) for key in ("total", "total_unseen")),
    ("minutes", lambda member: member.minutes),
    ("usd_per_hour", lambda member: member.number("cost", "usd_per_hour")),
    ("usd", lambda member: member.usd),
    ("usd_is_estimate", lambda member: at(member.result, "cost", "estimate")),
    ("train_samples_per_second", lambda member: member.number("timing", "train_samples_per_second")),
    *((key, lambda member, key=key: member.number("tokenization", key)) for _, key, _ in _FIGURES[1:]),
    ("fingerprint", lambda member: member.text("dataset", "fingerprint")),
    ("config_hash", lambda member: member.text("config_hash")),
    ("commit", lambda member: member.text("versions", "commit")),
    ("overrides", lambda member: " ".join(member.overrides)),
)


def instance(member: Member) -> str:
    """The instance type that was paid or asked for; "local" for this machine, "" where neither is recorded."""
    asked = member.config_at("hardware", "instance_type")
    known = "hardware" in member.config
    return member.text("cost", "instance_type") or (str(asked) if asked else "local" if known else "")


def _instance_count(member: Member) -> float | None:
    found = member.number("cost", "instance_count")
    asked = member.config_at("hardware", "instance_count")
    return found if found is not None else asked if isinstance(asked, int) else None


def _plain(value: Any) -> str:
    return "" if value in (None, "none") else str(value)


def _text(text: Any) -> Cell:
    return Cell(str(text), str(text))


def _number(value: Any, form: str) -> Cell:
    if finite(value) is None:
        return Cell("")
    return Cell(f"{value:{form}}", value)


def filled(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Indices of the columns in which any row has something: a column of blanks tells nothing."""
    return [index for index in range(len(columns)) if any(row[index].text for row in rows)]
