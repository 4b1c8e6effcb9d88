"""Tiny Hydra apps, started as users start them, and the service that their jobs run on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import forked

import sagemaker_rehearsal

LAUNCHERS = Path(__file__).resolve().parents[2] / "launchers"
FAST = ["hydra.launcher.poll_interval=0.2", "hydra.launcher.submit_interval=0"]
ROLE = "arn:aws:iam::123456789012:role/Trainer"
BUCKET = "sagemaker-us-east-1-123456789012"  # the launcher's default

CONFIG = """
defaults:
  - _self_
  - optional hardware: local
  - override hydra/launcher: sagemaker
x: 1.0
task: ok
text: ""
"""
HARDWARE = {
    "local": "instance_type: null\n",
    "m5": "instance_type: ml.m5.large\nmax_hours: 0.1\n",
    "c5": "instance_type: ml.c5.xlarge\nmax_hours: 0.1\n",
}
TASK = """
import hydra, json, os, sys
from pathlib import Path
from hydra.core.hydra_config import HydraConfig


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    out = Path(HydraConfig.get().runtime.output_dir)
    print("the task says", cfg.task)
    (out / "note.txt").write_text(f"x={cfg.x}", "utf-8")
BODY
    return float(cfg.x) * 2


if __name__ == "__main__":
    main()
"""


def python() -> list[str]:
    """What stands for `python` in a command; it has the SDK loaded."""
    return forked.python("launcher")


def job_python() -> Path:
    """What runs the programs of jobs: a Python that has Hydra loaded, and nothing of ours."""
    return forked.interpreter("job")


class Service:
    """A rehearsal service and what a test asks of it. As a context manager it ends with all of its jobs."""

    def __init__(self, state: Path, **options: Any) -> None:
        self.state = state
        settings = {"idle_minutes": 5, "stop_seconds": 2, "checkpoint_seconds": 0.3, "python": job_python(), **options}
        forked.fork_services()
        self.url = sagemaker_rehearsal.start(state, **settings)
        self.s3 = self.client("s3")
        self.sagemaker = self.client("sagemaker")

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        sagemaker_rehearsal.stop(self.state)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def environment(self) -> dict[str, str]:
        """What makes this service a user's AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAGEMAKER_ROLE_ARN": ROLE,
        }

    def faults(self, **described: Any) -> None:
        sagemaker_rehearsal.call(self.url, "faults", described)

    def calls(self) -> dict[str, int]:
        return dict(sagemaker_rehearsal.call(self.url, "calls"))

    def names(self, sweep: Sweep) -> list[str]:
        """The jobs of a sweep."""
        pages = self.sagemaker.get_paginator("list_training_jobs").paginate(NameContains=sweep.sweep_id)
        return [summary["TrainingJobName"] for page in pages for summary in page["TrainingJobSummaries"]]

    def describe(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return answer

    def holds(self, part: str) -> bool:
        """Whether the launcher's bucket has a key with this in it."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return any(part in entry["Key"] for page in pages for entry in page.get("Contents", []))

    def objects(self) -> dict[str, bytes]:
        """Everything in every bucket."""
        found = {}
        for bucket in self.s3.list_buckets()["Buckets"]:
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
                for entry in page.get("Contents", []):
                    body = self.s3.get_object(Bucket=bucket["Name"], Key=entry["Key"])["Body"].read()
                    found[entry["Key"]] = body
        return found


@dataclass
class Done:
    """A command that has ended."""

    code: int
    output: str  # of both streams

    def says(self, *parts: str) -> None:
        """Whether the user has read all of these, line ends and the tables' frames aside."""
        said = " ".join(self.output.split())
        for part in parts:
            assert part in said, f"{part!r} is not in:\n{self.output}"


@dataclass
class App:
    """A project in a folder of its own; `body` is what its task does."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, body: str = "", config: str = CONFIG, environment: dict[str, str] | None = None) -> App:
        conf = root / "conf" / "hardware"
        conf.mkdir(parents=True, exist_ok=True)
        (root / "conf" / "config.yaml").write_text(config, "utf-8")
        for name, content in HARDWARE.items():
            (conf / f"{name}.yaml").write_text(content, "utf-8")
        indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
        (root / "app.py").write_text(TASK.replace("BODY", indented), "utf-8")
        return cls(root, dict(environment or {}))

    def env(self, more: dict[str, str] | None = None) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
        return {
            **mine,
            "PYTHONPATH": str(LAUNCHERS),
            "HOME": str(self.root),
            "COLUMNS": "200",
            **self.environment,
            **(more or {}),
        }

    def command(self, *overrides: str, sweep: str = "sweep") -> list[str]:
        return [*python(), "app.py", "-m", *FAST, f"hydra.sweep.dir={sweep}", *overrides]

    def run(
        self, *overrides: str, sweep: str = "sweep", env: dict[str, str] | None = None, timeout: float = 90
    ) -> Done:
        return self.execute(self.command(*overrides, sweep=sweep), env, timeout)

    def execute(self, command: list[str], env: dict[str, str] | None = None, timeout: float = 90) -> Done:
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.env(env),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
        return Done(done.returncode, done.stdout)

    @contextlib.contextmanager
    def started(self, *overrides: str, sweep: str = "sweep", env: dict[str, str] | None = None) -> Iterator[Started]:
        """The command while it runs."""
        log = self.root / f"{sweep}.out"
        with log.open("w") as output:
            process = subprocess.Popen(
                self.command(*overrides, sweep=sweep),
                cwd=self.root,
                env=self.env(env),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Started(process, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    def sweep(self, name: str = "sweep") -> Sweep:
        return Sweep(self.root / name)


@dataclass
class Started:
    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, line: str, seconds: float = 40, times: int = 1) -> None:
        wait_until(
            lambda: self.log.read_text("utf-8").count(line) >= times, seconds, lambda: self.log.read_text("utf-8")
        )

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, seconds: float = 40) -> Done:
        self.process.wait(seconds)
        return Done(self.process.returncode, self.log.read_text("utf-8"))


@dataclass
class Sweep:
    """A sweep's directory."""

    path: Path

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.path / "members.jsonl").read_text("utf-8").split("\n") if line]

    @property
    def sweep_id(self) -> str:
        return str(next(event["sweep_id"] for event in self.events() if event["event"] == "sweep"))

    def result(self, number: int) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.path / str(number) / "result.json").read_text("utf-8"))
        return content

    def statuses(self) -> dict[int, str]:
        """The last status of each member that has one."""
        return {event["member"]: event["status"] for event in self.events() if event["event"] == "finished"}


def unpacked(content: bytes) -> Iterable[tuple[str, bytes]]:
    with tarfile.open(fileobj=BytesIO(content), mode="r:gz") as tar:
        for entry in tar:
            if entry.isfile():
                yield entry.name, tar.extractfile(entry).read()  # type: ignore[union-attr]


def wait_until(met: Callable[[], bool], seconds: float, told: Callable[[], str] = lambda: "") -> None:
    until = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until, f"not within {seconds} s: {told()}"
        time.sleep(0.05)


def job_names(output: str) -> list[str]:
    return re.findall(r"submitted: (\S+)", output)
