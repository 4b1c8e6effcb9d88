"""One process at a time drives a sweep: a lock in its directory, which ends with the process that holds it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.errors import LaunchError

FILE = "sweep.lock"
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)  # what NFS and others answer to flock


class SweepLock:
    """The lock of a sweep directory. The file names its holder: host, process id and time.

    The kernel releases the lock when the process ends, however it ends, so a file that a dead process has left means
    nothing on the same host. If several hosts share a file system, the kernel may know only the locks of its
    own host, or none at all as with some NFS mounts. Therefore a file of another host counts as a lock.
    """

    def __init__(self, sweep_dir: Path) -> None:
        """Prepare to lock a directory."""
        self.path = sweep_dir / FILE
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, unless this object has it already. Creates the directory.

        Raises:
            LaunchError: Another process has it.
        """
        if self._descriptor is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                self._check_free(descriptor)
                if _is_same_file(descriptor, self.path):
                    break
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its holder has removed it in the meantime
        owner = {"host": socket.gethostname(), "pid": os.getpid(), "since": _get_time()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, (json.dumps(owner) + "\n").encode(), 0)
        self._descriptor = descriptor
        # A process that a member forks would inherit the lock, and could outlive this one.
        os.register_at_fork(after_in_child=self._drop)

    def release(self) -> None:
        """Give the lock back and remove the file, if this object has it."""
        if self._descriptor is not None:
            self.path.unlink(missing_ok=True)
            self._drop()

    def _drop(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _check_free(self, descriptor: int) -> None:
        """Lock the open file, or raise LaunchError if another process has it."""
        owner = _read_owner(descriptor)
        is_here = owner.get("host") == socket.gethostname()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            is_held = error.errno not in _UNSUPPORTED or (is_here and _is_alive(owner.get("pid")))
        else:
            is_held = False
        if not is_held and (is_here or not owner):
            return
        who = "process {pid} on {host} since {since}".format_map({"pid": "?", "host": "?", "since": "?"} | owner)
        way_out = "wait for its end, or stop it there"
        if not is_here and owner:
            way_out += f"; if it has died, remove {self.path}"
        raise LaunchError(f"{self.path.parent}: {who} drives this sweep; {way_out}")


def find_driver(sweep_dir: Path) -> str | None:
    """Return which process drives a sweep, e.g. "process 4711 on host". None if none does."""
    try:
        descriptor = os.open(sweep_dir / FILE, os.O_RDONLY)
    except OSError:
        return None
    try:
        owner = _read_owner(descriptor)
        who = f"process {owner.get('pid', '?')} on {owner.get('host', '?')}"
        if owner and owner.get("host") != socket.gethostname():
            return who
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return who if error.errno not in _UNSUPPORTED or _is_alive(owner.get("pid")) else None
        return None
    finally:
        os.close(descriptor)


def _read_owner(descriptor: int) -> dict[str, Any]:
    """Return what the file says of its holder. It is empty if the file was never written whole."""
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _is_alive(pid: Any) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, TypeError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _get_time() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
