"""Read the members of a sweep as plain rows, from whatever its directory still holds.

No bad member raises an error. A file that is missing, torn, of another schema or of the wrong type leaves its fields
empty, and `status` and `reason` say what is known about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlqa.errors import RunError
from mlqa.report.manifest import FILE as MANIFEST
from mlqa.report.manifest import MULTIRUN, Manifest, MemberState, read_manifest
from mlqa.report.race import RaceRecord, RaceStanding, read_race
from mlqa.report.reading import coerce_finite, fold_text, get_nested, read_lines, read_mapping, read_yaml
from mlqa.result import FILE, HISTORY, TOKENIZATION, parse_result

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
DEEPEST = 3  # levels below a folder that may hold sweeps
DEEPEST_MEMBER = 16  # levels below a sweep's directory: hydra.sweep.subdir may be made of overrides with slashes


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
        """Where the price per hour comes from. A rehearsal paid none, whatever its price list was."""
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


@dataclass
class Sweep:
    """A sweep's directory, its members by number, and what the launcher recorded about it."""

    directory: Path
    members: list[Member]
    manifest: Manifest


def find_sweep_dirs(directory: str | Path) -> list[Path]:
    """Return the directory itself if it is a sweep's or a run's, else all sweeps below it and the runs outside them.

    Raises:
        RunError: It does not exist or is a file.
    """
    top = Path(directory).expanduser()
    if not str(directory) or not top.is_dir():
        problem = "is a file, not a directory" if str(directory) and top.is_file() else "there is no such directory"
        raise RunError(f"{directory or repr('')}: {problem}; give the directory of a sweep (multirun/<date>/<time>)")
    sweeps = list(_iter_topmost_dirs(top, _is_sweep_dir))
    if _is_sweep_dir(top) or not sweeps:
        return [top]
    runs = _iter_topmost_dirs(top, _is_run_dir)
    return [*sweeps, *(run for run in runs if not any(sweep in run.parents for sweep in sweeps))]


def read_sweep(top: Path) -> Sweep:
    """Return all members of a sweep. The directory of a single run is a sweep of one.

    Raises:
        RunError: There is no trace of a run in the directory.
    """
    manifest = read_manifest(top)
    found = _iter_topmost_dirs(top, _is_run_dir, deepest=DEEPEST_MEMBER)
    folders = {str(folder.relative_to(top)): folder for folder in found}
    is_run = not folders and not manifest.members and _is_run_dir(top)
    if is_run:
        folders = {".": top}
    if not folders and not manifest.members:
        raise RunError(
            f"{top}: holds no run: neither a {FILE} nor a members.jsonl is below it; give a sweep's directory"
        )
    name = top.resolve().parent.name if is_run else top.resolve().name
    planned = _name_by_folder(manifest.members, folders)
    names = sorted({*folders, *planned}, key=_get_sort_key)
    members = [
        _read_member(name, top.resolve().name if is_run else key, folders.get(key, top / key), planned.get(key))
        for key in names
    ]
    for member in members:
        member.is_rehearsal = manifest.is_rehearsal
    if race := read_race(top):
        _apply_race(members, race)
    return Sweep(top, members, manifest)


def _name_by_folder(planned: dict[str, MemberState], folders: dict[str, Path]) -> dict[str, MemberState]:
    """Return what was planned by the name of each member's directory, which hydra.sweep.subdir decides.

    A directory is that of the number that Hydra recorded in it, or else of the member with its overrides.
    """
    left = {number: state for number, state in planned.items() if number not in folders}
    named = {number: state for number, state in planned.items() if number in folders}
    for name, folder in folders.items():
        if name in named or not left:
            continue
        number = _read_number(folder)
        if number not in left:
            overrides = _read_hydra_file(folder, "overrides.yaml")
            written = sorted(map(str, overrides)) if isinstance(overrides, list) else None
            number = next((key for key, state in left.items() if sorted(state.overrides) == written), "")
        if number in left:
            named[name] = left.pop(number)
    return {**named, **left}


def _apply_race(members: list[Member], race: RaceRecord) -> None:
    """Record of each member how its treatment stands in the race, or that it does not count there."""
    for member in members:
        is_number = member.name.isascii() and member.name.isdigit()
        number = member.name if is_number else _read_number(member.directory)
        member.race, member.standing = race, race.find_standing(number)
        if number in race.set_aside:
            member.status, member.reason = SET_ASIDE, race.set_aside[number]


def _read_number(folder: Path) -> str:
    return str(get_nested(_read_hydra_file(folder, "hydra.yaml"), "hydra", "job", "num"))


def _read_hydra_file(folder: Path, name: str) -> Any:
    return read_yaml(folder / ".hydra" / name)


def _read_member(sweep: str, name: str, directory: Path, planned: MemberState | None) -> Member:
    member = Member(sweep, name, directory)
    overrides, config = (_read_hydra_file(directory, name) for name in ("overrides.yaml", "config.yaml"))
    given = map(str, overrides) if isinstance(overrides, list) else ()
    member.overrides = [*given] or (planned.overrides if planned else [])
    member.config = config if isinstance(config, dict) else {}
    member.status, member.reason, member.result = _read_outcome(directory / FILE, planned)
    if member.status == COMPLETED and member.score is None:
        member.status, member.reason = (
            "unreadable",
            f"{FILE} says completed, but holds no {METRICS[member.primary_metric]}",
        )
    return member


def _read_outcome(path: Path, planned: MemberState | None) -> tuple[str, str | None, dict[str, Any]]:
    """Return (status, reason, content of result.json)."""
    try:
        content = parse_result(path.read_bytes())
    except FileNotFoundError:
        return (*(planned.explain_missing_result() if planned else ("missing", f"there is no {FILE}")), {})
    except OSError as error:
        return "unreadable", f"{FILE}: {error.strerror or error}", {}
    except RunError as error:
        return "unreadable", f"{FILE} {error}", {}
    status = content.get("status")
    if status == COMPLETED:
        return COMPLETED, None, content
    if status in ("failed", "stopped"):
        recorded = planned.reason if planned else None
        return str(status), fold_text(content.get("error")) or recorded or "no reason is recorded", content
    return "unreadable", f"{FILE} has the status {status!r:.40}", {}


def _iter_topmost_dirs(
    top: Path, is_wanted: Callable[[Path], bool], level: int = 1, deepest: int = DEEPEST
) -> Iterator[Path]:
    """Yield the uppermost folders below `top` that are wanted, down to `deepest` levels below it."""
    try:
        folders = sorted(child for child in top.iterdir() if child.is_dir() and not child.name.startswith("."))
    except OSError:
        return
    for folder in folders:
        if is_wanted(folder):
            yield folder
        elif level < deepest and folder.name not in ("report", "model", "checkpoints"):
            yield from _iter_topmost_dirs(folder, is_wanted, level + 1, deepest)


def _is_sweep_dir(folder: Path) -> bool:
    """Return whether a folder is a sweep's. A dry run leaves multirun.yaml too, but nothing was meant to run."""
    if (folder / MANIFEST).is_file():
        return True
    return (folder / MULTIRUN).is_file() and any(_iter_topmost_dirs(folder, _is_run_dir, deepest=DEEPEST_MEMBER))


def _is_run_dir(folder: Path) -> bool:
    return (folder / FILE).is_file() or (folder / ".hydra").is_dir()


def _get_sort_key(name: str) -> tuple[int, int, str]:
    """Order numbers by value and other names after them. Digits of a script other than ASCII's make a name."""
    return (0, int(name), "") if name.isascii() and name.isdigit() else (1, 0, name)
