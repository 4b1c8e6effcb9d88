"""Read directories of sweeps into the content of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mlqa.errors import ConfigError
from mlqa.report.answer import Answer, build_answer
from mlqa.report.cautions import REHEARSED
from mlqa.report.comparison import Comparison, compare_members
from mlqa.report.evaluations import TransferMatrix, build_transfer_matrix
from mlqa.report.factors import Design, analyse_factors
from mlqa.report.folds import get_fold
from mlqa.report.learning_curve import LearningCurves, find_learning_curves
from mlqa.report.member import STATUSES, Member
from mlqa.report.members import Sweep, find_sweep_dirs, read_sweep
from mlqa.report.reading import coerce_finite
from mlqa.report.reference import Reference, load_references
from mlqa.report.settling import Settling, plan_settling
from mlqa.report.wording import count_things, format_usd, join_texts


@dataclass
class Section:
    """What the report says of one data set."""

    comparison: Comparison
    answer: Answer
    settling: Settling
    design: Design | None
    transfer: TransferMatrix | None
    curves: LearningCurves | None = None

    def describe_facts(self) -> list[str]:
        """Return the facts that a score means nothing without: questions, leak, treatments and seeds."""
        comparison = self.comparison
        facts = [count_things(comparison.total, "question")] if comparison.total else []
        if comparison.questions is not None:
            facts[-1:] = [
                f"{facts[-1]} in {count_things(len(set(comparison.questions.context_of.tolist())), 'context')}"
            ]
        unseen = comparison.unseen
        if unseen is None:
            facts.append("leak unknown")
        elif unseen == comparison.total:
            facts.append("no question about a context of train")
        else:
            seen = comparison.total - unseen
            facts.append(
                f"{seen:,} of them ({seen / comparison.total:.0%}) about contexts that are in train".replace("%", " %")
            )
        counts = sorted({len(one.seeds) for one in comparison.treatments})
        seeds = f"{counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else count_things(counts[0], "seed")
        facts.append(f"{count_things(len(comparison.treatments), 'treatment')}, {seeds} each")
        first = comparison.treatments[0].first
        split = first.get_text("reported_split")
        if get_fold(first) is not None:
            facts.append(f"each question in one of {first.get_config_value('dataset', 'folds')} folds")
        else:
            facts.append(f"scored on the {split} split" if split else "split unknown")
        return facts


@dataclass
class Report:
    """Everything that page, CSV, Markdown and terminal show."""

    sweeps: list[Sweep]
    sections: list[Section]
    references: list[Reference]
    problems: list[str] = field(default_factory=list)
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
        """What the report is about: the data sets, or the sweeps if no member has a score."""
        datasets = list(dict.fromkeys(section.comparison.dataset for section in self.sections))
        return join_texts(datasets) if datasets else self.origin

    @property
    def origin(self) -> str:
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
        return [*([REHEARSED] if self.is_rehearsal else []), *self.problems, *problems]


def make_report(
    sweep_dirs: Sequence[str | Path], reference: str | None = None, usd_per_question: float | None = None
) -> Report:
    """Read sweeps and compare their members.

    Args:
        sweep_dirs: Directories of sweeps, of runs, or above them.
        reference: Published results to show: a name or a file. None takes the members' own report.reference. Results
            that were published on as many questions of the members' data sets are shown as well.
        usd_per_question: What it costs to annotate a question. None takes the members' own report.usd_per_question.

    Raises:
        RunError: A directory holds no run.
        ConfigError: `reference` is neither a known name nor a file with published results.
    """
    if reference is not None:
        load_references(reference)  # refuses an unknown one before anything is read
    folders = [folder for given in sweep_dirs for folder in find_sweep_dirs(given)]
    by_place = {folder.resolve(): folder for folder in folders}  # a directory that is given twice counts once
    sweeps = [read_sweep(folder) for folder in by_place.values()]
    members = [member for sweep in sweeps for member in sweep.members]
    is_rehearsal = any(sweep.manifest.is_rehearsal for sweep in sweeps)
    names = [str(sweep.directory) for sweep in sweeps]
    usd_per_question = _find_question_price(members) if usd_per_question is None else usd_per_question
    sections = []
    for comparison in compare_members(members):
        answer = build_answer(comparison, is_rehearsal)
        settling = plan_settling(comparison, answer, names)
        transfer = build_transfer_matrix(comparison)
        curves = find_learning_curves(comparison, usd_per_question)
        sections.append(Section(comparison, answer, settling, analyse_factors(comparison), transfer, curves))
    references, problems = _find_references(members, sections, reference)
    return Report(sweeps, sections, references, problems)


def _find_question_price(members: Sequence[Member]) -> float | None:
    prices = (coerce_finite(member.get_config_value("report", "usd_per_question")) for member in members)
    return next((price for price in prices if price is not None and price >= 0), None)


def _find_references(
    members: Sequence[Member], sections: Sequence[Section], asked: str | None
) -> tuple[list[Reference], list[str]]:
    """Return the published results to show, and why those that a member's config names cannot be shown.

    Shown without being asked for is what was published on as many questions of a data set as the runs answered.
    """
    totals: set[tuple[str, int | None]] = {(one.comparison.dataset, one.comparison.total) for one in sections}
    for section in sections:
        if section.transfer is not None:
            totals |= {(name, cell.total) for row in section.transfer.scores for name, cell in row.items()}
    datasets = {name: {total for of_name, total in totals if of_name == name} for name, _ in totals}
    named = (member.get_config_value("report", "reference") for member in members)
    chosen = asked or next((name for name in named if isinstance(name, str) and name), None)
    try:
        return load_references(chosen, datasets), []
    except ConfigError as error:  # a sweep that has ended must not lose its report for it
        return load_references(None, datasets), [str(error)]


def _sum_known(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
