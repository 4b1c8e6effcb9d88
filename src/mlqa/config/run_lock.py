"""One run at a time has a directory: a lock in it, which the kernel releases when its process ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

FILE = "run.lock"
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)  # what NFS and others answer to flock


@dataclass
class _Held:
    descriptor: int
    run: str | None  # None: reserved for a run that has not begun


_held: dict[Path, _Held] = {}


def lock_directory(folder: Path, run: str | None = None) -> str | None:
    """Take the lock of a directory, which is created.

    Args:
        folder: The directory of a run, or of a sweep.
        run: The hash of the run's config. Without it the directory is reserved for a run of this process.

    Returns:
        None if the directory is free now, or who has it, e.g. "process 4711".
    """
    folder = folder.absolute()
    if (held := _held.get(folder)) is not None:
        if held.run is not None and held.run != run:
            return "another run of this process"
        held.run = run
        return None
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            if (holder := _try_lock(descriptor)) is not None:
                os.close(descriptor)
                return holder
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                break
            os.close(descriptor)  # its holder has removed it in the meantime
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except OSError:  # the first file that is written reports a directory that cannot be written to
        return None
    _held[folder] = _Held(descriptor, run)
    return None


def unlock_directory(folder: Path) -> None:
    """Give the lock of a directory back and remove its file, if this process has it."""
    held = _held.pop(folder.absolute(), None)
    if held is not None:
        (folder / FILE).unlink(missing_ok=True)
        os.close(held.descriptor)


def _try_lock(descriptor: int) -> str | None:
    """Lock an open file, or return who has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        written = os.pread(descriptor, 32, 0).decode("ascii", "replace")
        return f"process {written}" if written.isdigit() else "another process"
    return None


def _forget() -> None:
    """Leave the locks to the parent: a process that it forks may outlive it."""
    for held in _held.values():
        os.close(held.descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget)
