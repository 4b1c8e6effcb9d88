"""One member of a sweep: what its result.json, its config and its files say, each field empty if nothing says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlqa.report.race import RaceRecord, RaceStanding
from mlqa.report.reading import coerce_finite, get_nested, read_lines, read_mapping
from mlqa.result import HISTORY, TOKENIZATION

COMPLETED = "completed"
SET_ASIDE = "set aside"  # by the race that it was a member of
# missing: planned, without a result. unreadable: there is a result.json, but this version cannot read it.
STATUSES = (COMPLETED, SET_ASIDE, "failed", "stopped", "missing", "unreadable")
WORD_ROW = ("word", "tokens", "pieces", "morphemes", "met", "missed", "inside")  # keys that the page shows
# The metrics that a run may be judged by, and what a table calls them.
METRICS = {
    "f1": "F1",
    "exact_match": "EM",
    "f1_language": "F1 by the language's rules",
    "exact_match_language": "EM by the language's rules",
}


@dataclass
class Member:
    """One member of a sweep. `result` is its result.json, {} if there is none that can be read."""

    sweep: str  # the name of the sweep's directory
    name: str  # of its own directory below it
    directory: Path
    status: str = "missing"
    reason: str | None = None
    overrides: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    is_rehearsal: bool = False  # its job ran on this machine, and nothing was paid
    race: RaceRecord | None = None  # that it was a member of
    standing: RaceStanding | None = None  # of its treatment, if it counts in the race

    @property
    def label(self) -> str:
        """Names the member in a report over several sweeps."""
        return f"{self.sweep}/{self.name}"

    @property
    def seed(self) -> int | None:
        """The seed by result.json or else by the config."""
        seed = self.result.get("seed", self.config.get("seed"))
        return seed if isinstance(seed, int) and not isinstance(seed, bool) else None

    def get_number(self, *path: str) -> float | None:
        """Return the finite number at `path` in result.json, e.g. ("metrics", "f1"), None for anything else."""
        return coerce_finite(get_nested(self.result, *path))

    def get_text(self, *path: str) -> str | None:
        """Return the text at `path` in result.json, None for anything else and for the empty text."""
        text = get_nested(self.result, *path)
        return text if isinstance(text, str) and text else None

    def get_option(self, group: str) -> str:
        """Return the option of a config group by result.json or else by the overrides, or e.g. "unknown model"."""
        named = (item.partition("=")[2] for item in self.overrides if item.startswith(f"{group}="))
        return self.get_text("choices", group) or next(named, None) or f"unknown {group}"

    @property
    def scored_set(self) -> str:
        """The option of the data set that is scored: of a mix its target set."""
        return self.get_text("dataset", "set") or self.get_option("dataset")

    @property
    def model(self) -> str:
        """What the model is called: the label of result.json or else the option."""
        return self.get_text("label") or self.get_option("model")

    def get_config_value(self, *path: str) -> Any:
        """Return the value at `path` in .hydra/config.yaml, None if there is none."""
        return get_nested(self.config, *path)

    @property
    def instance_type(self) -> str:
        """The instance type that was paid for, or else requested. "local" is this machine, "" an unknown one."""
        requested = self.get_config_value("hardware", "instance_type")
        known = "hardware" in self.config
        return self.get_text("cost", "instance_type") or (str(requested) if requested else "local" if known else "")

    @property
    def instance_count(self) -> float | None:
        """The number of instances that were paid for, or else requested. None if neither is recorded."""
        paid = self.get_number("cost", "instance_count")
        return coerce_finite(self.get_config_value("hardware", "instance_count")) if paid is None else paid

    @property
    def distribution(self) -> str:
        """The way of training on several devices, "" for none."""
        value = self.get_config_value("hardware", "distribution")
        return "" if value in (None, "none") else str(value)

    @property
    def epochs(self) -> float | None:
        """The epochs of the model that was kept, or else those of the config. None for a model that was only asked."""
        if self.get_text("endpoint", "name"):
            return None
        if (kept := self.get_number("selection", "epochs")) is not None:
            return kept
        return coerce_finite(self.get_config_value("training", "num_train_epochs"))

    @property
    def primary_metric(self) -> str:
        """Name of the metric by which models are compared, one of `METRICS`. Results that record none have F1."""
        chosen = self.get_text("dataset", "primary_metric")
        return chosen if chosen in METRICS else "f1"

    @property
    def score(self) -> float | None:
        """The primary metric, 0-100."""
        return self.get_number("metrics", self.primary_metric)

    @property
    def is_compared(self) -> bool:
        """Whether there is a score to compare."""
        return self.status == COMPLETED and self.score is not None

    @property
    def minutes(self) -> float | None:
        """Billable minutes of a job, or the minutes of the whole run on a machine of the user's own.

        The billable time of a spot job holds its discount, so the saving is added to it.
        """
        seconds = self.get_number("cost", "billable_seconds")
        saved = self.get_number("cost", "spot_saving")
        if seconds is not None and saved is not None and 0 < saved < 1:
            seconds /= 1 - saved
        seconds = self.get_number("timing", "total_seconds") if seconds is None else seconds
        return None if seconds is None or seconds <= 0 else seconds / 60

    @property
    def usd(self) -> float | None:
        """What the run cost, None if that is not known or the machine has no price (usd_per_hour: 0)."""
        dollars = self.get_number("cost", "usd")
        return None if dollars is None or dollars < 0 or self.get_number("cost", "usd_per_hour") == 0 else dollars

    @property
    def price_source(self) -> str | None:
        """The source of the price per hour. A rehearsal paid none, whatever its price list was."""
        source = self.get_text("cost", "price_source")
        if source and self.is_rehearsal and not source.startswith("rehearsal"):  # as earlier launchers wrote it
            return f"rehearsal, nothing was paid ({source})"
        return source

    @property
    def usd_is_estimate(self) -> bool | None:
        """Whether the dollars are an estimate, None if that is not known."""
        estimate = get_nested(self.result, "cost", "estimate")
        return estimate if isinstance(estimate, bool) else None

    def read_history(self) -> list[dict[str, float]]:
        """Return the numbers of each readable line of history.jsonl."""
        return [
            {key: float(value) for key, value in row.items() if coerce_finite(value) is not None}
            for row in read_lines(self.directory / HISTORY)
        ]

    def read_word_table(self) -> list[dict[str, Any]]:
        """Return the word table of tokenization.json without incomplete rows, empty for runs that recorded none."""
        rows = read_mapping(self.directory / TOKENIZATION).get("analysed_words")
        rows = rows if isinstance(rows, list) else []
        return [row for row in rows if isinstance(row, dict) and row.keys() >= {*WORD_ROW}]
