"""A SageMaker stand-in on loopback: no AWS account, no cost, the same API, and jobs that really run.

`start` returns the address for AWS_ENDPOINT_URL, and `stop` ends the service. `python -m sagemaker_rehearsal` runs it
in the foreground.

It differs from AWS as follows:
- Its S3, job list and logs last as long as the service.
- The hosts of a job are folders of this machine under <state>/jobs, and share its network. EnableNetworkIsolation and
  VpcConfig are accepted, but nothing is isolated.
- Images and requirements.txt are not installed.
- A file system is a folder of this machine, and can be written to whatever its access mode is. FastFile copies, as File
  does. A pipe (<channel>_0, <channel>_1 ...) gives the objects one after the other.
- A job without MaxPendingTimeInSeconds waits half an hour for capacity that a fault denies, and then fails.
- SIGTERM reaches the program itself, which it does not behind the real toolkit.
- The billable seconds of a spot job are a fixed share of its training seconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagemaker_rehearsal.errors import RehearsalError

__all__ = ["RehearsalError", "call", "find", "start", "stop"]

START_SECONDS = 60.0
PYTHON = [sys.executable]  # starts the service; tests give one that has its libraries loaded
_children: list[subprocess.Popen[bytes]] = []  # kept so that ended ones can be reaped


def start(
    state: Path,
    *,
    idle_minutes: float = 10.0,
    quotas: Mapping[str, int] | None = None,
    file_systems: Mapping[str, str] | None = None,
    faults: Mapping[str, Any] | Path | None = None,
    **options: Any,
) -> str:
    """Start the service of a state directory, detached from this process, unless it is already running.

    Args:
        state: The state directory.
        idle_minutes: When the service ends by itself.
        quotas: Instances by instance type. Other types are unlimited.
        file_systems: Folders that stand for EFS and FSx file systems, by their ids.
        faults: Faults as described in faults.py, or a JSON file of them.
        **options: Other options of the command line, with underscores (processes_per_host=2, simulate=60 ...). A
            service that is already running keeps its own options.

    Returns:
        The address of the service.

    Raises:
        RehearsalError: The service did not start. The message has the last line of its log.
    """
    import fcntl

    state.mkdir(parents=True, exist_ok=True)
    with (state / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that start it at the same time share one service
        service = _find_service(state)
        if service is not None:
            return str(service["url"])
        if faults and not isinstance(faults, Path):
            (state / "faults.json").write_text(json.dumps(dict(faults)), "utf-8")
            faults = state / "faults.json"
        command = [*PYTHON, "-m", "sagemaker_rehearsal", "--state", str(state)]
        for instance_type, instances in (quotas or {}).items():
            command += ["--quota", f"{instance_type}={instances}"]
        for name, folder in (file_systems or {}).items():
            command += ["--file-system", f"{name}={folder}"]
        for name, value in {"idle_minutes": idle_minutes, "faults": faults or None, **options}.items():
            if value is not None:
                command += [f"--{name.replace('_', '-')}", str(value)]
        return _spawn(command, state)


def find(state: Path) -> str | None:
    """Return the address of the service of a state directory, None if it is not running."""
    service = _find_service(state)
    return None if service is None else str(service["url"])


def stop(state: Path, seconds: float = 30.0) -> None:
    """Stop the service of a state directory and its jobs, if it is running.

    Args:
        state: The state directory.
        seconds: How long to wait for its end.
    """
    service = _find_service(state)
    if service is None:
        return
    os.kill(service["pid"], signal.SIGTERM)
    until = time.monotonic() + seconds
    while time.monotonic() < until and _is_alive(service["pid"]):
        time.sleep(0.05)


def call(url: str, what: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Control the service at an address.

    Args:
        url: The address.
        what: alive, calls (counts by operation), faults or clock.
        body: The faults, or {"advance_seconds": ...} for a simulated clock.

    Raises:
        OSError: The service does not answer.
        RehearsalError: The service refuses the request.
    """
    data = None if body is None else json.dumps(dict(body)).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never use a proxy for loopback
    try:
        with opener.open(urllib.request.Request(f"{url}/_rehearsal/{what}", data), timeout=30) as answer:
            content: dict[str, Any] = json.load(answer)
            return content
    except urllib.error.HTTPError as error:
        raise RehearsalError(json.load(error).get("message", str(error))) from None


def _find_service(state: Path) -> dict[str, Any] | None:
    try:
        service: dict[str, Any] = json.loads((state / "endpoint.json").read_text("utf-8"))
        return service if call(service["url"], "alive")["pid"] == service["pid"] else None
    except (OSError, ValueError, KeyError, RehearsalError):
        return None


def _spawn(command: list[str], state: Path) -> str:
    (state / "endpoint.json").unlink(missing_ok=True)
    here = str(Path(__file__).parents[1])
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    log = state / "rehearsal.log"
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},  # no modules from the working directory
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _children.append(child)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and child.poll() is None:
        service = _find_service(state)
        if service is not None:
            return str(service["url"])
        time.sleep(0.05)
    child.kill()
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    raise RehearsalError(
        f"the rehearsal service did not start: {lines[-1] if lines else 'its log is empty'}; see {log}"
    )


def _is_alive(pid: int) -> bool:
    for child in _children:
        child.poll()  # an ended child keeps its process id until it is reaped
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
