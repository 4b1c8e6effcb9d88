"""Read directories of sweeps into the content of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mlqa.report.advice import REHEARSED, Advice, build_advice
from mlqa.report.comparison import Comparison, compare_members
from mlqa.report.members import STATUSES, Member, Sweep, find_sweep_dirs, read_sweep
from mlqa.report.reference import REFERENCES, PublishedResult, get_published
from mlqa.report.wording import format_usd


@dataclass
class Report:
    """Everything that page, CSV, Markdown and terminal show."""

    sweeps: list[Sweep]
    comparisons: list[Comparison]
    published: list[PublishedResult]
    advice: list[list[Advice]] = field(default_factory=list)  # one list per comparison
    created: datetime = field(default_factory=datetime.now)

    @property
    def members(self) -> list[Member]:
        """Members of all sweeps."""
        return [member for sweep in self.sweeps for member in sweep.members]

    @property
    def not_completed(self) -> list[Member]:
        """Members without a score."""
        return [member for member in self.members if not member.is_compared]

    @property
    def title(self) -> str:
        """Names of the sweeps' directories."""
        return ", ".join(dict.fromkeys(sweep.directory.resolve().name for sweep in self.sweeps))

    @property
    def spent_usd(self) -> float | None:
        """What all sweeps cost, by the launcher's record of every job or else by the members' own figures."""
        return _sum_known(
            _sum_known(member.usd for member in sweep.members)
            if sweep.manifest.spent_usd is None
            else sweep.manifest.spent_usd
            for sweep in self.sweeps
        )

    @property
    def is_rehearsal(self) -> bool:
        """Whether any sweep ran on the rehearsal service."""
        return any(sweep.manifest.is_rehearsal for sweep in self.sweeps)

    def format_spending(self) -> str:
        """Return what was spent, e.g. ", $14.64 in all". Empty if no price is known."""
        if self.spent_usd is None:
            return ""
        condition = " on AWS, had it been no rehearsal" if self.is_rehearsal else ""
        return f", {format_usd(self.spent_usd)} in all{condition}"

    def format_status_counts(self) -> str:
        """Return how many members ended how, e.g. "6 members: 4 completed, 1 failed, 1 missing"."""
        counts = Counter(member.status for member in self.members)
        parts = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
        total = len(self.members)
        return f"{total} {'member' if total == 1 else 'members'}: {parts}"

    def list_problems(self) -> list[str]:
        """Return a line for everything that could not be read, besides the members' own reasons."""
        problems = [f"{sweep.directory.name}: {line}" for sweep in self.sweeps for line in sweep.manifest.problems]
        return [REHEARSED, *problems] if self.is_rehearsal else problems


def make_report(sweep_dirs: Sequence[str | Path], compare_with: str | None = None) -> Report:
    """Read sweeps and compare their members.

    Args:
        sweep_dirs: Directories of sweeps, of runs, or above them.
        compare_with: A name of `REFERENCES`. None takes the members' own report.reference.

    Raises:
        RunError: A directory holds no run.
        ConfigError: The reference is unknown.
    """
    get_published(compare_with)  # refuses an unknown one before anything is read
    folders = [folder for given in sweep_dirs for folder in find_sweep_dirs(given)]
    by_place = {folder.resolve(): folder for folder in folders}  # a directory that is given twice counts once
    sweeps = [read_sweep(folder) for folder in by_place.values()]
    members = [member for sweep in sweeps for member in sweep.members]
    named = (member.get_config_value("report", "reference") for member in members)
    reference = compare_with or next((name for name in named if isinstance(name, str) and name in REFERENCES), None)
    report = Report(sweeps, compare_members(members), get_published(reference))
    report.advice = [build_advice(one, report.is_rehearsal) for one in report.comparisons]
    return report


def _sum_known(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
