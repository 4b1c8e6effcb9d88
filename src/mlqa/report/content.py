"""Read directories of sweeps into the content of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mlqa.report.advice import REHEARSED, Advice, build_advice
from mlqa.report.comparison import Comparison, compare_members
from mlqa.report.members import STATUSES, Member, Sweep, find_sweep_dirs, read_sweep
from mlqa.report.reference import REFERENCES, PublishedResult, get_published
from mlqa.report.wording import format_usd
from mlqa.report.words import Word, collect_words


@dataclass
class Report:
    """Everything that page, CSV, Markdown and terminal are made of."""

    sweeps: list[Sweep]
    comparisons: list[Comparison]
    advice: list[list[Advice]]  # one list a comparison
    words: list[Word]
    published: tuple[PublishedResult, ...] = ()
    created: datetime = field(default_factory=datetime.now)

    @property
    def members(self) -> list[Member]:
        return [member for sweep in self.sweeps for member in sweep.members]

    @property
    def not_completed(self) -> list[Member]:
        return [member for member in self.members if not member.is_compared]

    @property
    def title(self) -> str:
        return ", ".join(dict.fromkeys(sweep.directory.resolve().name for sweep in self.sweeps))

    @property
    def spent_usd(self) -> float | None:
        """What all sweeps have cost: by the launcher's record of every job, else by the members' own figures."""
        of_sweeps = [
            sweep.spent_usd if sweep.spent_usd is not None else _sum_known([member.usd for member in sweep.members])
            for sweep in self.sweeps
        ]
        return _sum_known(of_sweeps)

    @property
    def is_rehearsal(self) -> bool:
        return any(sweep.is_rehearsal for sweep in self.sweeps)

    def format_spending(self) -> str:
        """E.g. ", $14.64 in all"; empty where no price is known."""
        if self.spent_usd is None:
            return ""
        return f", {format_usd(self.spent_usd)} in all" + (
            " on AWS, had it been no rehearsal" if self.is_rehearsal else ""
        )

    def format_status_counts(self) -> str:
        """E.g. "6 members: 4 completed, 1 failed, 1 missing"."""
        found = Counter(member.status for member in self.members)
        parts = ", ".join(f"{found[status]} {status}" for status in STATUSES if found[status])
        total = len(self.members)
        return f"{total} {'member' if total == 1 else 'members'}: {parts}"

    def list_problems(self) -> list[str]:
        """What could not be read or does not fit, beside the members' own reasons."""
        lines = [REHEARSED] if self.is_rehearsal else []
        lines += [f"{sweep.directory.name}: {problem}" for sweep in self.sweeps for problem in sweep.problems]
        for one in self.comparisons:
            if one.not_by_question and len(one.configurations) > 1:
                lines.append(f"{one.dataset}: no comparison question by question: {one.not_by_question}")
            lines += [f"{one.dataset}: not compared question by question: {doubt}" for doubt in one.doubts]
        return lines


def make_report(sweep_dirs: Sequence[str | Path], compare_with: str | None = None) -> Report:
    """Reads and compares. `compare_with`: a name of `REFERENCES`; None: the one of the members' report.reference.

    Raises RunError where a directory is no sweep's, ConfigError for an unknown reference."""
    get_published(compare_with)  # an unknown one is refused before anything is read
    found = [folder for given in sweep_dirs for folder in find_sweep_dirs(given)]
    by_place = {folder.resolve(): folder for folder in found}  # one given twice counts once
    sweeps = [read_sweep(folder) for folder in by_place.values()]
    members = [member for sweep in sweeps for member in sweep.members]
    asked = (member.get_config_value("report", "reference") for member in members)
    reference = compare_with or next((name for name in asked if isinstance(name, str) and name in REFERENCES), None)
    comparisons = compare_members(members)
    is_rehearsal = any(sweep.is_rehearsal for sweep in sweeps)
    advice = [build_advice(one, is_rehearsal) for one in comparisons]
    return Report(sweeps, comparisons, advice, collect_words(members), get_published(reference))


def _sum_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
