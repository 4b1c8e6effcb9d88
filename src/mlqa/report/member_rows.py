"""The columns of members: what each was told, what it ran with, and results.csv."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from mlqa.report.cells import Cell, Column, make_name_cell, make_number_column, make_text_column
from mlqa.report.evaluations import list_evaluated_sets
from mlqa.report.member import Member
from mlqa.report.reading import get_nested
from mlqa.report.rows import SCORES, TOKENIZER_FIGURES
from mlqa.report.wording import format_usd

RECORDED = ("commit", "versions", "data", "config")  # columns that say what a run was made with


def _make_usd_cell(member: Member) -> Cell:
    return Cell("" if member.usd is None else format_usd(member.usd).removeprefix("$"), member.usd)


def _join_versions(member: Member) -> str:
    versions = get_nested(member.result, "versions")
    items = versions.items() if isinstance(versions, dict) else ()
    return ", ".join(f"{key} {value}" for key, value in items if key != "commit")


def get_tracker_url(member: Member) -> str | None:
    """Return the address of the member's W&B run, None if it was not online."""
    url = member.get_text("tracking", "wandb", "url") or ""
    return url if url.startswith(("https://", "http://")) else None


def _make_tracker_cell(member: Member) -> Cell:
    if url := get_tracker_url(member):
        return Cell("run", link=url)
    is_offline = member.get_text("tracking", "wandb", "mode") == "offline"
    return Cell("offline", title=f"to upload it: mlqa sync {member.directory}") if is_offline else Cell("")


MEMBERS = (
    make_text_column("member", lambda member: member.label),
    make_text_column("status", lambda member: member.status, True),
    Column("model", lambda member: make_name_cell(member.model), False, True),
    Column("hardware", lambda member: make_name_cell(member.get_option("hardware")), False, True),
    make_number_column("seed", "d", lambda member: member.seed),
    make_number_column("F1", ".2f", lambda member: member.get_number("metrics", "f1")),
    make_number_column("minutes", ".1f", lambda member: member.minutes, is_cost=True),
    Column("$", _make_usd_cell, is_cost=True),
    Column("W&B", _make_tracker_cell, False),
    make_text_column("overrides", lambda member: " ".join(member.overrides)),
    make_text_column("commit", lambda member: member.get_text("versions", "commit") or ""),
    make_text_column("versions", _join_versions),
    make_text_column("data", lambda member: member.get_text("dataset", "fingerprint") or ""),
    make_text_column("config", lambda member: member.get_text("config_hash") or ""),
)
CsvColumn = tuple[str, Callable[[Member], Any]]


def _list_attributes(*names: str) -> Iterable[CsvColumn]:
    return ((name, attrgetter(name)) for name in names)


def _list_numbers(node: str, *keys: str) -> Iterable[CsvColumn]:
    """List numbers of a node of result.json."""

    def make_getter(key: str) -> Callable[[Member], float | None]:
        def get_number(member: Member) -> float | None:
            """Return the number as it stands in result.json: a count stays a whole number."""
            value = member.get_number(node, key)
            return get_nested(member.result, node, key) if value is not None else None

        return get_number

    return ((key, make_getter(key)) for key in keys)


BOUNDS = ("", "_ci_low", "_ci_high")
SET_NUMBERS = ("total", *(f"{name}{bound}" for name in ("exact_match", "f1") for bound in BOUNDS))
CSV_COLUMNS: tuple[CsvColumn, ...] = (
    ("sweep", lambda member: member.sweep),
    ("member", lambda member: member.name),
    *_list_attributes("status", "reason"),
    ("race_state", lambda member: member.standing and member.standing.state),
    *_list_attributes("model"),
    ("dataset", lambda member: member.get_option("dataset")),
    ("hardware", lambda member: member.get_option("hardware")),
    *_list_attributes("seed", "primary_metric", "score"),
    *_list_numbers("tokenization", "vocab_size"),
    *_list_attributes("instance_type"),
    ("instance_count", lambda member: None if member.instance_count is None else int(member.instance_count)),
    *_list_attributes("distribution", "epochs"),
    *_list_numbers(
        "metrics",
        *(f"{name}{ending}{bound}" for _, ending in SCORES for name in ("exact_match", "f1") for bound in BOUNDS),
        *("total", "total_unseen", "f1_shuffled_questions", "f1_without_context"),
    ),
    *_list_attributes("minutes"),
    *_list_numbers("cost", "usd_per_hour"),
    *_list_attributes("usd", "usd_is_estimate", "price_source", "is_rehearsal"),
    *_list_numbers("timing", "train_samples_per_second"),
    *_list_numbers("dataset", "train_examples"),
    *_list_numbers("endpoint", "input_tokens", "output_tokens"),
    *_list_numbers("tokenization", *TOKENIZER_FIGURES[1:]),
    ("reported_split", lambda member: member.get_text("reported_split")),
    ("selected_on", lambda member: member.get_text("selection", "split")),
    ("fingerprint", lambda member: member.get_text("dataset", "fingerprint")),
    ("config_hash", lambda member: member.get_text("config_hash")),
    ("commit", lambda member: member.get_text("versions", "commit")),
    ("wandb_url", get_tracker_url),
    ("overrides", lambda member: " ".join(member.overrides)),
)


def list_csv_columns(members: Iterable[Member]) -> list[CsvColumn]:
    """Return the columns of results.csv: `CSV_COLUMNS`, and the scores on each further data set, e.g. xquad_tr.f1."""
    sets = dict.fromkeys(name for member in members for name in list_evaluated_sets(member))

    def make_column(name: str, key: str) -> CsvColumn:
        return f"{name}.{key}", lambda member: member.get_number("evaluations", name, key)

    return [*CSV_COLUMNS, *(make_column(name, key) for name in sets for key in SET_NUMBERS)]
