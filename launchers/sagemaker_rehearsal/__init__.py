"""A SageMaker stand-in on loopback: no AWS account, no cost, the same API, and jobs that really run.

`start` gives the address for AWS_ENDPOINT_URL; `stop` ends the service. `python -m sagemaker_rehearsal` is the
service in the foreground.

What differs from AWS: its S3, job list and logs live as long as the service; a job's hosts are folders of this machine
under <state>/jobs and share its network (EnableNetworkIsolation and VpcConfig are accepted, nothing is isolated);
images and requirements.txt are not installed; SIGTERM reaches the program itself, which behind the real toolkit it
does not; a spot job's billable seconds are a fixed share of its training seconds.
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

__all__ = ["RehearsalError", "call", "start", "stop"]

START_SECONDS = 60.0
_children: list[subprocess.Popen[bytes]] = []  # kept, so that those that have ended can be reaped


def start(
    state: Path,
    *,
    idle_minutes: float = 10.0,
    quotas: Mapping[str, int] | None = None,
    faults: Mapping[str, Any] | Path | None = None,
    **options: Any,
) -> str:
    """The address of the service of a state directory; started where none serves, detached from this process.

    `quotas`: instances by instance type. `faults`: as in faults.py, or a JSON file of them. `options`: those of the
    command line with underscores (processes_per_host=2, simulate=60 ...). A service that serves already keeps the
    options it was started with. Raises RehearsalError with the last line of its log.
    """
    import fcntl

    state.mkdir(parents=True, exist_ok=True)
    with (state / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two that start at the same time share one service
        serving = _find_service(state)
        if serving is not None:
            return str(serving["url"])
        command = [sys.executable, "-m", "sagemaker_rehearsal", "--state", str(state), "--idle-minutes"]
        command.append(str(idle_minutes))
        for instance_type, instances in (quotas or {}).items():
            command += ["--quota", f"{instance_type}={instances}"]
        if isinstance(faults, Path):
            command += ["--faults", str(faults)]
        elif faults:
            (state / "faults.json").write_text(json.dumps(dict(faults)), "utf-8")
            command += ["--faults", str(state / "faults.json")]
        for name, value in options.items():
            if value is not None:
                command += [f"--{name.replace('_', '-')}", str(value)]
        return _spawn(command, state)


def stop(state: Path, seconds: float = 30.0) -> None:
    """Ends the service of a state directory, with the jobs that run on it; nothing where none serves."""
    serving = _find_service(state)
    if serving is None:
        return
    os.kill(serving["pid"], signal.SIGTERM)
    until = time.monotonic() + seconds
    while time.monotonic() < until and _is_alive(serving["pid"]):
        time.sleep(0.05)


def call(url: str, what: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Asks the service at an address: `alive`, `calls`; or tells it: `faults`, `clock` with a body.

    Raises OSError where it does not answer, and RehearsalError where it refuses.
    """
    data = None if body is None else json.dumps(dict(body)).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes by a proxy
    try:
        with opener.open(urllib.request.Request(f"{url}/_rehearsal/{what}", data), timeout=30) as answer:
            content: dict[str, Any] = json.load(answer)
            return content
    except urllib.error.HTTPError as error:
        raise RehearsalError(json.load(error).get("message", str(error))) from None


def _find_service(state: Path) -> dict[str, Any] | None:
    try:
        serving: dict[str, Any] = json.loads((state / "endpoint.json").read_text("utf-8"))
        return serving if call(serving["url"], "alive")["pid"] == serving["pid"] else None
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
            env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},  # no module of the working directory's
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _children.append(child)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and child.poll() is None:
        serving = _find_service(state)
        if serving is not None:
            return str(serving["url"])
        time.sleep(0.05)
    child.kill()
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    raise RehearsalError(f"the rehearsal service did not start: {lines[-1] if lines else 'no word of it'}; see {log}")


def _is_alive(pid: int) -> bool:
    for child in _children:
        child.poll()  # a child that has ended stays in the table until it is asked
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
