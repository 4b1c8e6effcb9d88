"""Files that are there whole or not at all, and the lock of a race's directory."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any

from hydra_racing_sweeper.errors import RaceError


def write_json(path: Path, content: Any) -> None:
    """Write JSON through a temporary file, so that no kill leaves half of it.

    Raises:
        RaceError: The file cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=1, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RaceError(f"{path}: cannot be written: {error.strerror or error}") from None


def read_json(path: Path) -> Any:
    """Return the content of a JSON file, None if there is no such file or if it is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def lock_directory(folder: Path) -> IO[str]:
    """Lock a race's directory for as long as the file that is returned stays open, at most until this process ends.

    Raises:
        RaceError: Another process drives the race.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RaceError(
            f"{folder.parent}: another process drives this race; wait for it, or choose another hydra.sweep.dir"
        ) from None
    except OSError:  # a file system without locks
        pass
    return file
