"""members.jsonl: what was done for each member of a sweep, one line per event, on disk before the next step.

An event is written *before* the step that can cost money. A job that has a `submitting` line may exist, and a job
without one cannot. So when a client has died at any moment, the next one submits nothing twice.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.events import append_event, read_events

FILE = "members.jsonl"


@dataclass
class MemberRecord:
    """A member's latest recorded state.

    Attributes:
        config_sha256: The hash of its config, empty if it was never planned.
        overrides: The overrides of its task config.
        job_name: The training job of the last attempt.
        attempts: How many training jobs it has had.
        job_status: SageMaker's status of the job, once the job has ended.
        billed_usd: The dollars of all attempts that have ended.
        billed_seconds: The billable seconds of these attempts.
        warm_pool_usd: The dollars that their warm pools may cost, if each waits to its end.
        status: completed, failed or stopped, once its outcome is in its directory.
        reason: Why it did not complete.
        return_value: What the task function returned.
        is_lost: Whether the job has ended but its output could not be fetched.
        fallbacks: How many instance types had no capacity, so that the next one is tried.
        refused: Why a part of the output of a finished member is still in S3 only.
        plan: The latest `planned` event: directory, choices, instances and price.
    """

    config_sha256: str = ""
    overrides: list[str] = field(default_factory=list)
    job_name: str | None = None
    attempts: int = 0
    job_status: str | None = None
    billed_usd: float = 0.0
    billed_seconds: float = 0.0
    warm_pool_usd: float = 0.0
    status: str | None = None
    reason: str | None = None
    return_value: Any = None
    is_lost: bool = False
    fallbacks: int = 0
    refused: str | None = None
    plan: dict[str, Any] = field(default_factory=dict)

    def is_done(self, retry_failed: bool) -> bool:
        """Return whether a resumed sweep leaves the member as it is.

        Args:
            retry_failed: Whether failed and stopped members run again.
        """
        return self.status == "completed" or (self.status is not None and not retry_failed)


class Manifest:
    """The manifest of one sweep. Its methods may be called from several threads.

    Attributes:
        path: The file.
        sweep: The `sweep` event: the sweep's id and the facts that must not change. Empty before there is one.
        launch: The latest `launch` event: the command line, its working directory and some options. May be empty.
        members: The records by member number.
    """

    def __init__(self, sweep_dir: Path, may_repair: bool = True) -> None:
        """Read the manifest of a sweep directory, if there is one.

        Args:
            sweep_dir: The directory.
            may_repair: Whether to repair a torn last line. Otherwise it is not read: another process may be writing it.

        Raises:
            LaunchError: A line is not an event.
        """
        self.path = sweep_dir / FILE
        self.members: dict[int, MemberRecord] = {}
        self.sweep: dict[str, Any] = {}
        self.launch: dict[str, Any] = {}
        self._lock = threading.RLock()
        for event in read_events(self.path, may_repair):
            self._apply_event(event)

    def open_sweep(self, **facts: Any) -> str:
        """Return the sweep's id, and record a new one if there is none.

        Job names and S3 keys contain it, so it has only 15 characters, and no other sweep has the same.

        Args:
            **facts: What to record with a new id: service, region, bucket and prefix.
        """
        if not self.sweep:
            now = datetime.now(timezone.utc)
            # 40 random bits besides the day: names must be unique in an account and region, across all its users.
            self.write("sweep", sweep_id=f"{now:%m%d}-{secrets.token_hex(5)}", **facts)
        return str(self.sweep["sweep_id"])

    def write(self, event: str, member: int | None = None, **facts: Any) -> None:
        """Append one event. It is on disk when this returns.

        Args:
            event: launch, planned, submitting, submitted, refused, fallback, ended, lost or finished.
            member: The number of the member.
            **facts: The fields of the event.
        """
        line: dict[str, Any] = {"time": datetime.now(timezone.utc).isoformat(timespec="seconds"), "event": event}
        if member is not None:
            line["member"] = member
        line |= facts
        with self._lock:
            append_event(self.path, line)
            self._apply_event(line)

    def get_record(self, member: int) -> MemberRecord:
        """Return the record of a member, an empty one if it is new."""
        with self._lock:
            return self.members.setdefault(member, MemberRecord())

    def get_done_statuses(self, retry_failed: bool) -> dict[int, str]:
        """Return the statuses, by number, of the members that a resumed sweep leaves as they are.

        Args:
            retry_failed: Whether failed and stopped members run again.
        """
        with self._lock:
            return {
                number: str(record.status) for number, record in self.members.items() if record.is_done(retry_failed)
            }

    def has_jobs(self) -> bool:
        """Return whether any job of this sweep may exist."""
        return any(record.job_name for record in self.members.values())

    def check_unchanged(self, member: int, config_sha256: str) -> None:
        """Check that a member has the config that the sweep was started with.

        Raises:
            LaunchError: It has another one.
        """
        record = self.get_record(member)
        if record.config_sha256 and record.config_sha256 != config_sha256:
            raise LaunchError(
                f"#{member}: its config is not the one that this sweep was started with "
                f"({' '.join(record.overrides)}); resume with the same command, or start a new sweep"
            )

    def sum_billed_usd(self) -> float:
        """Return the dollars of all jobs that have ended, in this and earlier launches."""
        with self._lock:
            return sum(record.billed_usd for record in self.members.values())

    def sum_warm_pool_usd(self) -> float:
        """Return the dollars that the warm pools of all ended jobs may cost, in this and earlier launches."""
        with self._lock:
            return sum(record.warm_pool_usd for record in self.members.values())

    def _apply_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "sweep":
            self.sweep = event
        elif event["event"] == "launch":
            self.launch = event
        if "member" not in event:
            return
        record = self.get_record(event["member"])
        match event["event"]:
            case "planned":
                record.config_sha256 = event["config_sha256"]
                record.overrides = event["overrides"]
                record.plan = event
            case "submitting":
                if event["job_name"] != record.job_name:
                    record.attempts += 1
                if record.status is not None or record.is_lost:  # the member starts anew
                    record.fallbacks = 0
                record.job_name, record.job_status, record.status = event["job_name"], None, None
                record.is_lost, record.refused = False, None
            case "refused":  # by SageMaker: the job does not exist and its name is free again
                record.job_name = None
                record.attempts -= 1
            case "fallback":  # there was no capacity, and another job for another instance type follows
                record.job_name, record.job_status = None, None
                record.fallbacks += 1
            case "ended":
                if record.job_status is None:
                    record.billed_usd += event.get("usd") or 0.0
                    record.billed_seconds += event.get("seconds") or 0.0
                    record.warm_pool_usd += event.get("warm_pool_usd") or 0.0
                record.job_status = event["job_status"]
                if event.get("instance_type", record.plan.get("instance_type")) != record.plan.get("instance_type"):
                    chosen = {name: event[name] for name in ("instance_type", "instance_count")}
                    record.plan = record.plan | chosen | {"price": None}
            case "lost":
                record.is_lost, record.reason = True, event["reason"]
            case "finished":
                record.is_lost = False
                record.status, record.reason = event["status"], event["reason"]
                record.return_value = event["return_value"]
                record.refused = event.get("refused")
