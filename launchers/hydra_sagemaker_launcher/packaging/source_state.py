"""Which commit the user's program is, so that a job in a container, which has no clone, can say so."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path
from typing import NamedTuple

from hydra_sagemaker_launcher.secret_scan import find_secrets

SECONDS = 10
MOST_DIFF = 200_000  # characters: it travels with every member


class SourceState(NamedTuple):
    """A commit, with "-dirty" if files were changed, and the changes of Python files as `git diff` shows them."""

    commit: str
    diff: str


@functools.cache
def read_source_state(root: Path) -> SourceState | None:
    """Read the state of the clone that a folder is in.

    Args:
        root: The project's folder.

    Returns:
        None if it is in no clone. The changes are "" if they are long or contain what looks like a secret.
    """
    try:
        commit = _call_git(root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").strip()
        diff = _call_git(root, "diff", "HEAD", "--", "*.py") if commit.endswith("-dirty") else ""
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    changed = "\n".join(line[1:] for line in diff.splitlines())  # without the signs before each line
    if len(diff) > MOST_DIFF or any(find_secrets("source.py", changed.encode())):
        diff = ""
    return SourceState(commit, diff)


def _call_git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=SECONDS, check=True).stdout
