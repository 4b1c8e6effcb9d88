"""Find the sweeps below a directory and read their members, from whatever a sweep's directory still holds.

No bad member raises an error. A file that is missing, torn, of another schema or of the wrong type leaves its fields
empty, and `status` and `reason` say what is known about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlqa.errors import RunError
from mlqa.report.manifest import FILE as MANIFEST
from mlqa.report.manifest import MULTIRUN, Manifest, MemberState, read_manifest
from mlqa.report.member import COMPLETED, METRICS, SET_ASIDE, Member
from mlqa.report.race import RaceRecord, read_race
from mlqa.report.reading import fold_text, get_nested, read_yaml
from mlqa.result import FILE, parse_result

DEEPEST = 3  # levels below a folder that may hold sweeps
DEEPEST_MEMBER = 16  # levels below a sweep's directory: hydra.sweep.subdir may be made of overrides with slashes


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
