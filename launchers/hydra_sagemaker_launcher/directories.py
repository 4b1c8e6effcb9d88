"""Whether the directories of members can be made, which must be known before a job costs money."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.member import Member

_NAME_MAX, _PATH_MAX = 255, 4096  # bytes, if the file system does not tell
_ROOM = 256  # bytes of a path that are left to what a member writes into its directory
_WAY_OUT = (
    "make it of ${hydra.job.num}, or leave keys out of ${hydra.job.override_dirname} by "
    "hydra.job.config.override_dirname.exclude_keys"
)


def make_sweep_dir(path: Path) -> None:
    """Make the directory of a sweep, as its sweeper would.

    Raises:
        LaunchError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LaunchError(
            f"hydra.sweep.dir={path}: cannot be made: {error.strerror or error}; choose a directory that you may write"
        ) from error


def find_directory_problems(members: Sequence[Member], others: Sequence[Member] = ()) -> list[str]:
    """Return a line for each kind of directory that cannot be made, or that two members would share.

    Args:
        members: The members to launch.
        others: Members of the same sweep that have been launched already.
    """
    owners: dict[Path, int] = {member.directory: member.number for member in others}
    first: dict[str, tuple[int, str]] = {}
    count: dict[str, int] = {}
    for member in members:
        other = owners.setdefault(member.directory, member.number)
        if other != member.number:
            kind, problem = "shared", f"#{other} and #{member.number} would share {member.directory}; {_WAY_OUT}"
        else:
            kind, problem = _find_problem(member)
        if kind:
            first.setdefault(kind, (member.number, problem))
            count[kind] = count.get(kind, 0) + 1
    return [
        f"hydra.sweep.subdir: {problem}" + (f" ({count[kind] - 1} more like #{number})" if count[kind] > 1 else "")
        for kind, (number, problem) in first.items()
    ]


def _find_problem(member: Member) -> tuple[str, str]:
    """Return the kind and the words of what is wrong with a directory, two empty strings if nothing is."""
    path, number = member.directory, member.number
    existing = next((folder for folder in (path, *path.parents) if _is_there(folder)), Path(path.anchor))
    name_max, path_max = _get_limit(existing, "PC_NAME_MAX", _NAME_MAX), _get_limit(existing, "PC_PATH_MAX", _PATH_MAX)
    longest = max(path.parts, key=lambda part: len(os.fsencode(part)))
    if (size := len(os.fsencode(longest))) > name_max:
        return "name", (
            f"the directory of #{number} has a name of {size} bytes ({longest[:40]}...), and the file system takes "
            f"{name_max}; {_WAY_OUT}"
        )
    if (size := len(os.fsencode(path)) + _ROOM) > path_max:
        return "path", (
            f"the directory of #{number} needs paths of {size} bytes with the files in it, and the file system takes "
            f"{path_max}; {_WAY_OUT}, or choose a shorter hydra.sweep.dir"
        )
    if not existing.is_dir():
        return str(existing), f"the directory of #{number} cannot be made: {existing} is a file; choose another name"
    if not os.access(existing, os.W_OK | os.X_OK):
        return str(
            existing
        ), f"the directory of #{number} cannot be made: {existing} may not be written to; choose another"
    return "", ""


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # File name too long
        return False


def _get_limit(folder: Path, name: str, default: int) -> int:
    try:
        limit = os.pathconf(folder, name)
    except (AttributeError, OSError, ValueError):
        return default
    return limit if limit > 0 else default
