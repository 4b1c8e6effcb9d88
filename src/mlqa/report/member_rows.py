"""Show members as rows: what each was told, what it ran with, and results.csv."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlqa.report.cells import Cell, Column, make_name_cell, make_number_cell, make_text_cell
from mlqa.report.configurations import find_choice, find_model
from mlqa.report.members import Member
from mlqa.report.reading import get_nested
from mlqa.report.rows import SCORES, TOKENIZER_FIGURES, format_optional, get_instance_count, get_instance_type

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


def make_member_row(member: Member) -> list[Cell]:
    """Return the cells of MEMBER_COLUMNS: what a member was told, and what it ran with."""
    versions = get_nested(member.result, "versions")
    versions = versions if isinstance(versions, dict) else {}
    packages = ", ".join(f"{key} {value}" for key, value in versions.items() if key != "commit")
    usd = member.usd
    return [
        make_text_cell(member.label),
        make_text_cell(member.status),
        make_name_cell(find_model(member)),
        make_name_cell(find_choice(member, "hardware")),
        make_number_cell(member.seed, "d"),
        make_number_cell(member.get_number("metrics", "f1"), ".2f"),
        make_number_cell(member.minutes, ".1f"),
        make_number_cell(usd, ".2f" if usd is None or usd >= 0.1 else ".4f"),
        make_text_cell(" ".join(member.overrides)),
        make_text_cell(versions.get("commit", "")),
        make_text_cell(packages),
        make_text_cell(member.get_text("dataset", "fingerprint") or ""),
        make_text_cell(member.get_text("config_hash") or ""),
    ]


CSV_COLUMNS: tuple[tuple[str, Callable[[Member], Any]], ...] = (
    ("sweep", lambda member: member.sweep),
    ("member", lambda member: member.name),
    ("status", lambda member: member.status),
    ("reason", lambda member: member.reason),
    ("model", find_model),
    *((group, lambda member, group=group: find_choice(member, group)) for group in ("dataset", "hardware")),
    ("seed", lambda member: member.seed),
    ("vocab_size", lambda member: member.get_number("tokenization", "vocab_size")),
    ("instance_type", lambda member: get_instance_type(member)),
    ("instance_count", lambda member: get_instance_count(member)),
    ("distribution", lambda member: format_optional(member.get_config_value("hardware", "distribution"))),
    ("epochs", lambda member: member.get_config_value("training", "num_train_epochs")),
    *(
        (f"{name}{ending}{bound}", lambda member, key=f"{name}{ending}{bound}": member.get_number("metrics", key))
        for _, ending in SCORES
        for name in ("exact_match", "f1")
        for bound in ("", "_ci_low", "_ci_high")
    ),
    *((key, lambda member, key=key: member.get_number("metrics", key)) for key in ("total", "total_unseen")),
    ("minutes", lambda member: member.minutes),
    ("usd_per_hour", lambda member: member.get_number("cost", "usd_per_hour")),
    ("usd", lambda member: member.usd),
    ("usd_is_estimate", lambda member: get_nested(member.result, "cost", "estimate")),
    ("train_samples_per_second", lambda member: member.get_number("timing", "train_samples_per_second")),
    *((key, lambda member, key=key: member.get_number("tokenization", key)) for key in TOKENIZER_FIGURES[1:]),
    ("fingerprint", lambda member: member.get_text("dataset", "fingerprint")),
    ("config_hash", lambda member: member.get_text("config_hash")),
    ("commit", lambda member: member.get_text("versions", "commit")),
    ("overrides", lambda member: " ".join(member.overrides)),
)
