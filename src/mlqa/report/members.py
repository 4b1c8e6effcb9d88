"""The members of a sweep as plain rows, from whatever its directory still holds.

Nothing here raises for a bad member: a file that is missing, torn, of another schema or of the wrong type leaves its
fields empty, and `status` and `reason` say what is known of why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlqa.errors import RunError
from mlqa.report.asked import FILE as ASKED
from mlqa.report.asked import read_multirun_overrides
from mlqa.report.manifest import FILE as MANIFEST
from mlqa.report.manifest import MemberState, read_manifest
from mlqa.report.reading import coerce_finite, get_nested, read_lines, read_mapping, read_yaml
from mlqa.result import FILE, HISTORY, PREDICTIONS, SCHEMA_VERSION, TOKENIZATION

COMPLETED = "completed"
# missing: planned, without a result. unreadable: there is a result.json, but not one that this version reads.
STATUSES = (COMPLETED, "failed", "stopped", "missing", "unreadable")
DEEPEST = 3  # levels below the sweep's directory at which hydra.sweep.subdir may have put its members


@dataclass
class Member:
    """One member of a sweep. `result` is its result.json, {} where there is none that can be read."""

    sweep: str  # the name of the sweep's directory
    name: str  # of its own directory below it
    directory: Path
    status: str = "missing"
    reason: str | None = None
    overrides: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.sweep}/{self.name}"

    @property
    def seed(self) -> int | None:
        found = self.result.get("seed", self.config.get("seed"))
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def get_number(self, *path: str) -> float | None:
        """The finite number at `path` in result.json, e.g. ("metrics", "f1"); None for anything else."""
        return coerce_finite(get_nested(self.result, *path))

    def get_text(self, *path: str) -> str | None:
        """The text at `path` in result.json; None for anything else and for the empty text."""
        found = get_nested(self.result, *path)
        return found if isinstance(found, str) and found else None

    def get_config_value(self, *path: str) -> Any:
        """What stands at `path` in .hydra/config.yaml; None where nothing does."""
        return get_nested(self.config, *path)

    @property
    def is_compared(self) -> bool:
        """Whether there is a score to compare."""
        return self.status == COMPLETED and self.get_number("metrics", "f1") is not None

    @property
    def minutes(self) -> float | None:
        """Billable minutes of a job; the whole run's on a machine of one's own. A spot job's billable time holds its
        discount: what it took is that and what was saved."""
        seconds = self.get_number("cost", "billable_seconds")
        saved = self.get_number("cost", "spot_saving")
        if seconds is not None and saved is not None and 0 < saved < 1:
            seconds /= 1 - saved
        seconds = self.get_number("timing", "total_seconds") if seconds is None else seconds
        return None if seconds is None or seconds <= 0 else seconds / 60

    @property
    def usd(self) -> float | None:
        """What the run cost; None, too, where an hour of the machine has no price (usd_per_hour: 0)."""
        dollars = self.get_number("cost", "usd")
        return None if dollars is None or dollars < 0 or self.get_number("cost", "usd_per_hour") == 0 else dollars

    def read_history(self) -> list[dict[str, float]]:
        """The numbers of each readable line of history.jsonl."""
        return [
            {key: float(value) for key, value in row.items() if coerce_finite(value) is not None}
            for row in read_lines(self.directory / HISTORY)
        ]

    def read_predictions(self) -> dict[str, str]:
        """{id: answer} of predictions.json; empty where it cannot be read."""
        found = read_mapping(self.directory / PREDICTIONS)
        return {key: value for key, value in found.items() if isinstance(value, str)}

    def read_word_table(self) -> list[dict[str, Any]]:
        """The word table of tokenization.json; empty in runs that recorded none."""
        rows = read_mapping(self.directory / TOKENIZATION).get("analysed_words")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


@dataclass
class Sweep:
    """A sweep's directory, its members by number, and what the launcher recorded of it."""

    directory: Path
    members: list[Member]
    spent_usd: float | None = None  # by every job that has ended, failed ones and further attempts included
    is_rehearsal: bool = False  # minutes are of this machine, dollars what AWS would have charged for them
    problems: list[str] = field(default_factory=list)


def find_sweep_dirs(directory: str | Path) -> list[Path]:
    """The directory itself where it is a sweep's or a run's; else all sweeps below it, and the runs beside them.

    Raises RunError where there is no such directory.
    """
    top = require_directory(directory)
    sweeps = list(_iter_topmost_dirs(top, _is_sweep_dir))
    if _is_sweep_dir(top) or not sweeps:
        return [top]
    return [
        *sweeps,
        *(run for run in _iter_topmost_dirs(top, _is_run_dir) if not any(one in run.parents for one in sweeps)),
    ]


def require_directory(directory: str | Path) -> Path:
    """As a path. Raises RunError where it is no directory."""
    top = Path(directory).expanduser()
    if not str(directory) or not top.is_dir():
        wrong = "no directory, but a file" if str(directory) and top.is_file() else "there is no such directory"
        raise RunError(f"{directory or repr('')}: {wrong}; give that of a sweep (multirun/<date>/<time>)")
    return top


def read_sweep(directory: str | Path) -> Sweep:
    """All members of a sweep; the directory of a single run is a sweep of one.

    Raises RunError where there is no such directory, or no trace of a run in it.
    """
    top = require_directory(directory)
    manifest = read_manifest(top)
    asked = read_multirun_overrides(top)
    found = {str(folder.relative_to(top)): folder for folder in _iter_topmost_dirs(top, _is_run_dir)}
    is_run = not found and not manifest.members and _is_run_dir(top)
    if is_run:
        found = {".": top}
    if not found and not manifest.members and not asked:
        raise RunError(f"{top}: holds no run: neither a {FILE} nor a members.jsonl below it; give a sweep's directory")
    name = top.resolve().parent.name if is_run else top.resolve().name
    planned = {str(number): MemberState(overrides) for number, overrides in enumerate(asked)}
    planned |= {str(number): record for number, record in manifest.members.items()}
    names = sorted({*found, *planned}, key=_get_sort_key)
    members = [
        _read_member(name, top.resolve().name if is_run else key, found.get(key, top / key), planned.get(key))
        for key in names
    ]
    return Sweep(top, members, manifest.spent_usd, manifest.is_rehearsal, manifest.problems)


def _read_member(sweep: str, name: str, directory: Path, planned: MemberState | None) -> Member:
    member = Member(sweep, name, directory)
    member.overrides = _read_overrides(directory / ".hydra" / "overrides.yaml") or (
        planned.overrides if planned else []
    )
    config = read_yaml(directory / ".hydra" / "config.yaml")
    member.config = config if isinstance(config, dict) else {}
    member.status, member.reason, member.result = _read_outcome(directory / FILE, planned)
    if member.status == COMPLETED and member.get_number("metrics", "f1") is None:
        member.status, member.reason = "unreadable", f"{FILE} says completed, but holds no F1"
    return member


def _read_outcome(path: Path, planned: MemberState | None) -> tuple[str, str | None, dict[str, Any]]:
    """(status, reason, content of result.json)."""
    try:
        content = json.loads(path.read_text("utf-8", errors="replace"))
    except FileNotFoundError:
        return (*(planned.explain_missing_result() if planned else ("missing", f"there is no {FILE}")), {})
    except OSError as error:
        return "unreadable", f"{FILE}: {error.strerror or error}", {}
    except (ValueError, RecursionError):
        return "unreadable", f"{FILE} is not JSON: what wrote it was cut short", {}
    if not isinstance(content, dict):
        return "unreadable", f"{FILE} holds no mapping", {}
    version = content.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        told = "no schema_version" if version is None else f"schema_version {version!r:.20}"
        return "unreadable", f"{FILE} has {told}, this mlqa reads {SCHEMA_VERSION}: its numbers are left out", {}
    status = content.get("status")
    reason = content.get("error")
    reason = " ".join(reason.split()) if isinstance(reason, str) and reason.strip() else None
    if status == COMPLETED:
        return COMPLETED, None, content
    if status in ("failed", "stopped"):
        given = planned.reason if planned else None
        return str(status), reason or given or "no reason is recorded", content
    return "unreadable", f"{FILE} has the status {status!r:.40}", {}


def _iter_topmost_dirs(top: Path, is_wanted: Callable[[Path], bool], level: int = 1) -> Iterator[Path]:
    """The uppermost folders below `top` that are wanted."""
    try:
        folders = sorted(child for child in top.iterdir() if child.is_dir() and not child.name.startswith("."))
    except OSError:
        return
    for folder in folders:
        if is_wanted(folder):
            yield folder
        elif level < DEEPEST and folder.name not in ("report", "model", "checkpoints"):
            yield from _iter_topmost_dirs(folder, is_wanted, level + 1)


def _is_sweep_dir(folder: Path) -> bool:
    """A dry run leaves only what was asked for: nothing of it was meant to run."""
    if (folder / MANIFEST).is_file():
        return True
    return (folder / ASKED).is_file() and any(_iter_topmost_dirs(folder, _is_run_dir))


def _is_run_dir(folder: Path) -> bool:
    return (folder / FILE).is_file() or (folder / ".hydra").is_dir()


def _get_sort_key(name: str) -> tuple[int, int, str]:
    """Numbers in their order, other names after them; digits of any script but ASCII's are names."""
    return (0, int(name), "") if name.isascii() and name.isdigit() else (1, 0, name)


def _read_overrides(path: Path) -> list[str]:
    found = read_yaml(path)
    return [str(item) for item in found] if isinstance(found, list) else []
