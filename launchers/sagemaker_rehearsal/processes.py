"""The processes of a job: started in groups of their own, and ended with all their descendants."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Event

from sagemaker_rehearsal.logs import LogStream

MARK = "SAGEMAKER_BASE_DIR"


class HostProcess:
    """One program on one host. A thread of its own reads its output into the host's stream.

    Attributes:
        host: The host.
        command: The command.
        last_lines: The last 200 lines of the output, for the message of a failure.
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
        self._stream = stream
        self.last_lines: list[str] = []
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

    @property
    def exit_code(self) -> int | None:
        """The exit code as a shell gives it: 128 + n for signal n, None while the program runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def finish_output(self, seconds: float) -> None:
        """Wait for the end of the output.

        Args:
            seconds: How long to wait at most: a process that escaped may keep the output open.
        """
        self._reader.join(seconds)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and its group."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def _read_output(self) -> None:
        for raw in self._process.stdout or ():
            text = raw.decode("utf-8", "replace")
            self._stream.write_line(text)
            self.last_lines = [*self.last_lines[-199:], text.rstrip("\r\n")]


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
        process.finish_output(5.0)


def kill_below(base: Path) -> None:
    """Kill the processes whose environment names a folder below `base`, even if they have left their group.

    torchrun's workers leave it. This works only on Linux, whose /proc shows the environment.
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
