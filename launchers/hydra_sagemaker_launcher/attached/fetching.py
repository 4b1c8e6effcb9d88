"""The results of ended jobs, fetched without the app's code, as the launcher itself would fetch them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from hydra_sagemaker_launcher.attached.member import MemberView
from hydra_sagemaker_launcher.attached.sweep import AttachedSweep
from hydra_sagemaker_launcher.aws.patience import make_impatient
from hydra_sagemaker_launcher.aws.s3 import Storage
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.prices import compute_warm_pool_cost
from hydra_sagemaker_launcher.jobs.archives import ArchiveLimits, remove
from hydra_sagemaker_launcher.jobs.capacity import lacks_capacity
from hydra_sagemaker_launcher.jobs.job import Job
from hydra_sagemaker_launcher.jobs.outcome import fetch_outcome
from hydra_sagemaker_launcher.jobs.recorder import JobRecorder
from hydra_sagemaker_launcher.lock import SweepLock
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member


@dataclass
class RecordedMember:
    """What fetching an output needs of a Member, from what is recorded of it and from the description of its job.

    Its files in .hydra were written here before the job was submitted. Those in the archive hold the paths of the
    container, so the ones from here are written again.
    """

    number: int
    directory: Path
    choices: dict[str, str]
    hardware: Hardware
    _hydra_files: dict[Path, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Keep the files of .hydra."""
        self._hydra_files = {path: path.read_bytes() for path in (self.directory / ".hydra").glob("*.yaml")}

    @property
    def job_hardware(self) -> Hardware:
        """The hardware that the job ran on."""
        return self.hardware

    def write_hydra_files(self) -> None:
        """Write the kept files of .hydra."""
        for path, content in self._hydra_files.items():
            if path.parent.is_file():  # the script has written a file of that name
                remove(path.parent)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def fetch_ended_jobs(sweep: AttachedSweep, say: Callable[[str], None]) -> tuple[int, int]:
    """Fetch the results of all jobs that have ended and are not in their directories, and record their ends.

    Args:
        sweep: The sweep.
        say: Takes a line per member.

    Returns:
        How many members were fetched, and how many outputs could not be fetched.

    Raises:
        LaunchError: Another process drives the sweep, or the service cannot be asked.
    """
    lock = SweepLock(sweep.path)
    lock.acquire()
    try:
        manifest = Manifest(sweep.path)
        sweep.manifest = manifest
        fetched = lost = 0
        recorder = JobRecorder(manifest, say, lambda _: None, fail_fast=False)
        for member in sweep.describe_members():
            if not member.has_ended:
                continue
            job = _build_job(member)
            if lacks_capacity(job, member.description or {}):  # the app's command tries the next instance type
                say(f"#{member.number} had no capacity; it is left to {sweep.format_command('resume')}")
                continue
            recorder.record_end(job, member.description or {})
            try:
                outcome = fetch_outcome(
                    job.member, *_collect_arguments(sweep, member), limits=_read_limits(sweep), totals=_sum_up(member)
                )
            except Exception as error:  # one member's output must not hide the others
                recorder.record_lost_output(job, error)
                lost += 1
            else:
                recorder.finish(job, outcome)
                fetched += 1
        return fetched, lost
    finally:
        lock.release()


def _build_job(member: MemberView) -> Job:
    description = member.description or {}
    condition, price = description.get("StoppingCondition", {}), member.price
    pending = condition.get("MaxPendingTimeInSeconds")
    hardware = Hardware(
        member.instance_type,
        instance_count=member.instance_count,
        spot=bool(description.get("EnableManagedSpotTraining")),
        max_hours=condition.get("MaxRuntimeInSeconds", 86400) / 3600,
        max_pending_minutes=None if pending is None else pending // 60,
    )
    recorded = RecordedMember(member.number, member.directory, member.record.plan.get("choices") or {}, hardware)
    keep_alive = description.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds", 0)
    warm_pool_usd = compute_warm_pool_cost(hardware, price, keep_alive)
    return Job(cast("Member", recorded), {}, price, None, warm_pool_usd, name=member.record.job_name)


def _collect_arguments(sweep: AttachedSweep, member: MemberView) -> tuple[dict[str, Any], Any, Any, Storage, bool]:
    facts, aws = sweep.manifest.sweep, sweep.aws
    assert aws is not None
    storage = Storage(aws, facts["bucket"], facts["prefix"], None, None, make_impatient())
    with_model = bool(sweep.manifest.launch.get("options", {}).get("download_model"))
    return member.description or {}, member.price, aws, storage, with_model


def _read_limits(sweep: AttachedSweep) -> ArchiveLimits:
    options = sweep.manifest.launch.get("options", {})
    if "archive_max_gb" not in options:
        return ArchiveLimits()
    return ArchiveLimits.from_options(SimpleNamespace(**options))


def _sum_up(member: MemberView) -> dict[str, Any]:
    """Return the cost of all attempts, if the member has had several."""
    record = member.record
    if record.attempts < 2 or member.price is None:
        return {}
    return {
        "billable_seconds": round(record.billed_seconds),
        "usd": round(record.billed_usd, 4),
        "attempts": record.attempts,
    }
