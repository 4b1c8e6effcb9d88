"""The processes of a job: started in groups of their own, and ended with all their descendants."""

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
    """One program on one host. Its output goes to the host's stream.

    Attributes:
        host: The host.
        command: The command.
        output: Reads the output.
    """

    def __init__(self, host: str, command: Sequence[str], env: dict[str, str], folder: Path, stream: LogStream) -> None:
        """Start the program in a folder."""
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
        """The exit code as a shell gives it: 128 + n for signal n, None while the program runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and its group."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def terminate_processes(processes: Iterable[HostProcess], base: Path, seconds: float, closing: Event) -> None:
    """End processes: SIGTERM, and later SIGKILL to all that remain below the job's folder.

    Args:
        processes: The processes.
        base: The folder of the job.
        seconds: The time between the two signals.
        closing: Ends this time when the service closes.
    """
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
    """Kill the processes whose environment names a folder below `base`, even if they have left their group.

    torchrun's workers leave it. This works only on Linux, where /proc shows the environment.
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
