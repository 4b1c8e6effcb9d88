"""Members as rows: what each was told, what it ran with, and results.csv."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlqa.report.cells import Cell, Column, name_cell, number_cell, text_cell
from mlqa.report.configurations import choice
from mlqa.report.members import Member
from mlqa.report.reading import at
from mlqa.report.rows import SCORES, TOKENIZER_FIGURES, instance, instance_count, plain

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
        text_cell(member.label),
        text_cell(member.status),
        name_cell(choice(member, "model")),
        name_cell(choice(member, "hardware")),
        number_cell(member.seed, "d"),
        number_cell(member.number("metrics", "f1"), ".2f"),
        number_cell(member.minutes, ".1f"),
        number_cell(usd, ".2f" if usd is None or usd >= 0.1 else ".4f"),
        text_cell(" ".join(member.overrides)),
        text_cell(named.get("commit", "")),
        text_cell(told),
        text_cell(member.text("dataset", "fingerprint") or ""),
        text_cell(member.text("config_hash") or ""),
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
    ("instance_count", lambda member: instance_count(member)),
    ("distribution", lambda member: plain(member.config_at("hardware", "distribution"))),
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
    *((key, lambda member, key=key: member.number("tokenization", key)) for key in TOKENIZER_FIGURES[1:]),
    ("fingerprint", lambda member: member.text("dataset", "fingerprint")),
    ("config_hash", lambda member: member.text("config_hash")),
    ("commit", lambda member: member.text("versions", "commit")),
    ("overrides", lambda member: " ".join(member.overrides)),
)
