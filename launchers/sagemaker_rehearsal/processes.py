"""A job's processes: started in groups of their own, ended with all their descendants."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Event
from typing import IO

from sagemaker_rehearsal.logs import LogStream, OutputReader

MARK = "SAGEMAKER_BASE_DIR"


class HostProcess:
    """One program on one host; its output goes to the host's stream."""

    def __init__(self, host: str, command: Sequence[str], env: dict[str, str], folder: Path, stream: LogStream) -> None:
        self.host = host
        self.command = list(command)
        self._process = subprocess.Popen(
            self.command,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        output: IO[bytes] | None = self._process.stdout
        assert output is not None
        self.output = OutputReader(output, stream)

    @property
    def exit_code(self) -> int | None:
        """As a shell gives it, 128 + n for signal n; None while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def send_signal(self, number: signal.Signals) -> None:
        """To the process and its group."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def terminate_processes(processes: Iterable[HostProcess], base: Path, seconds: float, closing: Event) -> None:
    """SIGTERM; after some seconds, or when the service closes, SIGKILL to all that is left below a job's folder."""
    processes = list(processes)
    for process in processes:
        process.send_signal(signal.SIGTERM)
    until = time.monotonic() + seconds
    while any(process.exit_code is None for process in processes) and time.monotonic() < until:
        if closing.wait(0.05):
            break
    for process in processes:
        process.send_signal(signal.SIGKILL)
    kill_below(base)
    for process in processes:
        process.output.finish(5.0)


def kill_below(base: Path) -> None:
    """Kills processes by the folder in their environment: those that left their group (torchrun's workers do).

    Only where /proc tells the environment (Linux).
    """
    mark = f"{MARK}={base}/".encode()
    for entry in Path("/proc").glob("[0-9]*/environ") if Path("/proc/self/environ").exists() else ():
        try:
            names = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if any((name + b"/").startswith(mark) for name in names) and int(entry.parent.name) != os.getpid():
            try:
                os.kill(int(entry.parent.name), signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
