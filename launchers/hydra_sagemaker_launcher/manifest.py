"""members.jsonl: what has been done for each member of a sweep, a line an event, on disk before the next step.

An event is written *before* what it announces can cost money: a job whose `submitting` line is there may exist, a job
without one cannot. So a client that died at any moment can be followed by another that submits nothing twice.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.errors import LaunchError

FILE = "members.jsonl"


@dataclass
class MemberRecord:
    """What the manifest says of one member: the last word of each of its events."""

    config_sha256: str = ""
    overrides: list[str] = field(default_factory=list)
    instance_type: str | None = None
    job_name: str | None = None  # of the last attempt
    attempts: int = 0
    job_status: str | None = None  # SageMaker's word, once the job has ended
    billed_usd: float = 0.0  # by all attempts that have ended
    status: str | None = None  # completed, failed or stopped, once its outcome is in its directory
    reason: str | None = None
    return_value: Any = None
    is_lost: bool = False  # the job has ended, but what it left could not be brought here

    def is_done(self, retry_failed: bool) -> bool:
        """Whether a resumed sweep leaves the member as it is."""
        return self.status == "completed" or (self.status is not None and not retry_failed)


class Manifest:
    """The manifest of one sweep; its methods may be called from several threads."""

    def __init__(self, sweep_dir: Path) -> None:
        """Reads what is there. Raises LaunchError where a line, other than a torn last one, is not an event."""
        self.path = sweep_dir / FILE
        self.members: dict[int, MemberRecord] = {}
        self.sweep: dict[str, Any] = {}
        self._lock = threading.Lock()
        _repair_torn_end(self.path)
        for event in _read(self.path):
            self._apply_event(event)

    def open_sweep(self, **facts: Any) -> str:
        """The sweep's id: the recorded one, or a new one, recorded with `facts` (service, region, bucket ...).

        Ten characters, unlike those of any other sweep: job names and S3 keys are made of it.
        """
        if not self.sweep:
            now = datetime.now(timezone.utc)
            # 40 random bits beside the day: names are unique in an account and region, whoever sweeps there.
            self.write("sweep", sweep_id=f"{now:%m%d}-{secrets.token_hex(5)}", **facts)
        return str(self.sweep["sweep_id"])

    def write(self, event: str, member: int | None = None, **facts: Any) -> None:
        """Appends one event and returns when it is on disk."""
        line: dict[str, Any] = {"time": datetime.now(timezone.utc).isoformat(timespec="seconds"), "event": event}
        if member is not None:
            line["member"] = member
        line |= facts
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not self.path.exists()
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                _sync_folder(self.path.parent)
            self._apply_event(line)

    def get_record(self, member: int) -> MemberRecord:
        """What is known of a member; an empty record for a new one."""
        with self._lock:
            return self._get_record(member)

    def get_done_statuses(self, retry_failed: bool) -> dict[int, str]:
        """{number: status} of the members that a resumed sweep leaves as they are."""
        with self._lock:
            found = {number: record for number, record in self.members.items() if record.is_done(retry_failed)}
        return {number: str(record.status) for number, record in found.items()}

    def has_jobs(self) -> bool:
        """Whether any job of this sweep may exist."""
        return any(record.job_name for record in self.members.values())

    def _get_record(self, member: int) -> MemberRecord:
        return self.members.setdefault(member, MemberRecord())

    def check_unchanged(self, member: int, config_sha256: str) -> None:
        """Raises LaunchError where the sweep was started with another config for this member."""
        record = self.get_record(member)
        if record.config_sha256 and record.config_sha256 != config_sha256:
            raise LaunchError(
                f"#{member}: its config is not the one that this sweep was started with "
                f"({' '.join(record.overrides)}); resume with the same command, or start a new sweep"
            )

    def sum_billed_usd(self) -> float:
        """Dollars of all jobs that have ended, in this and earlier launches."""
        with self._lock:
            return sum(record.billed_usd for record in self.members.values())

    def _apply_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "sweep":
            self.sweep = event
        if "member" not in event:
            return
        record = self._get_record(event["member"])
        match event["event"]:
            case "planned":
                record.config_sha256 = event["config_sha256"]
                record.overrides = event["overrides"]
                record.instance_type = event["instance_type"]
            case "submitting":
                if event["job_name"] != record.job_name:
                    record.attempts += 1
                record.job_name, record.job_status, record.status = event["job_name"], None, None
                record.is_lost = False
            case "refused":  # by SageMaker: this job does not exist, its name is free again
                record.job_name = None
                record.attempts -= 1
            case "ended":
                if record.job_status is None:
                    record.billed_usd += event.get("usd") or 0.0
                record.job_status = event["job_status"]
            case "lost":
                record.is_lost, record.reason = True, event["reason"]
            case "finished":
                record.is_lost = False
                record.status, record.reason = event["status"], event["reason"]
                record.return_value = event["return_value"]


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    # Not splitlines(): an override may hold one of the other line ends of Unicode.
    lines = path.read_text("utf-8").removesuffix("\n").split("\n")
    events = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            event["event"]
        except (ValueError, TypeError, KeyError):
            raise LaunchError(
                f"{path}, line {number}: not an event of this launcher; mend or remove the line, and look in the "
                "SageMaker console for jobs of this sweep before it is resumed"
            ) from None
        events.append(event)
    return events


def _repair_torn_end(path: Path) -> None:
    """Ends a whole line that a dead client left without its end, and cuts off half a line: it was never acted upon."""
    if not path.is_file():
        return
    content = path.read_bytes()
    if not content or content.endswith(b"\n"):
        return
    torn = content.rpartition(b"\n")[2]
    try:
        json.loads(torn)
    except ValueError:
        os.truncate(path, len(content) - len(torn))
        return
    with path.open("ab") as file:
        file.write(b"\n")


def _sync_folder(folder: Path) -> None:
    """A new file's entry in its folder is on disk, too."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
