"""Fetch what a job leaves into the member's directory, as if it had run here, and judge how the member ended."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.error_text import format_aws_error
from hydra_sagemaker_launcher.aws.failures import is_unreachable
from hydra_sagemaker_launcher.aws.s3 import Storage
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.aws.training_jobs import is_pending_time_over
from hydra_sagemaker_launcher.catalog.prices import Price, compute_cost
from hydra_sagemaker_launcher.container import RETURN_FILE
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.archives import ArchiveLimits, fetch_archive, remove
from hydra_sagemaker_launcher.member import Member

log = logging.getLogger(__name__)

RESULT = "result.json"
LOG_TAIL = "sagemaker.log"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_LOG_LINES = 200
_RESULT_BYTES = 20_000_000
_REASON_LENGTH = 4000


@dataclass(frozen=True)
class Outcome:
    """How a member ended.

    Attributes:
        status: completed, failed or stopped.
        reason: Why it did not complete, in one line.
        return_value: What the task function returned.
        usd: The dollars billed for all attempts, None if the price is unknown.
        seconds: The billable seconds of all attempts.
        refused: Why a part of its output is still in S3 only, None if everything came.
    """

    status: str
    reason: str | None = None
    return_value: Any = None
    usd: float | None = None
    seconds: float | None = None
    refused: str | None = None


def fetch_outcome(
    member: Member,
    description: dict[str, Any],
    price: Price | None,
    aws: Aws,
    storage: Storage,
    with_model: bool,
    totals: Mapping[str, Any] | None = None,
    limits: ArchiveLimits | None = None,
    is_again: bool = False,
) -> Outcome:
    """Fetch output.tar.gz and the end of the log, and complete result.json.

    The return value and result.json are taken even if nothing else of the archive can be extracted.

    Args:
        member: The member.
        description: SageMaker's answer to DescribeTrainingJob for its ended job.
        price: The price of its hardware, None if unknown.
        aws: The clients.
        storage: The bucket.
        with_model: Whether to also fetch model.tar.gz.
        totals: What replaces the cost of this job in result.json, if the member has had several.
        limits: What is taken from an archive, by default as in the launcher's options.
        is_again: Whether the outcome is known and only a part of the output is missing.

    Returns:
        How the member ended.

    Raises:
        LaunchError: S3 refuses, or the archive does not even give a return value. The output is then still in S3, and
            nothing of the archive is in the directory.
    """
    limits = limits or ArchiveLimits()
    name = description["TrainingJobName"]
    output = f"{description['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{name}/output"
    member.directory.mkdir(parents=True, exist_ok=True)
    _save_log_tail(aws, name, member.directory / LOG_TAIL)
    files = (RESULT, RETURN_FILE)
    for stale in files if not is_again else ():  # from an earlier attempt
        remove(member.directory / stale)
    fetched = fetch_archive(storage, f"{output}/output.tar.gz", member.directory, limits, files, _RESULT_BYTES)
    if is_again and not fetched.exists:
        raise LaunchError(f"{output}/output.tar.gz: is no longer there")
    member.write_hydra_files()  # the files from the container contain its own paths
    returned, result = (_read_json(member.directory / file) for file in (RETURN_FILE, RESULT))
    remove(member.directory / RETURN_FILE)
    is_completed = description["TrainingJobStatus"] == "Completed"
    if fetched.refusal and is_completed and not (returned or result):
        raise LaunchError(fetched.refusal)
    refused = [fetched.refusal]
    if with_model and is_completed:
        uri = description.get("ModelArtifacts", {}).get("S3ModelArtifacts") or f"{output}/model.tar.gz"
        refused.append(_fetch_model(storage, uri, member.directory / "model", limits))
    status, reason = _judge_outcome(description, member, fetched.exists, returned)
    node = compute_cost(member.job_hardware, price, description) | dict(totals or {})
    if status != "completed" and not (reason and result.get("status") == status and result.get("error")):
        result |= {"error": reason}
    result = {"schema_version": 1, "choices": member.choices, **result, "status": status, "cost": node}
    value = returned.get("return_value", result.get("objective"))
    if "objective" not in result:
        result["objective"] = value if isinstance(value, int | float) and abs(value) <= sys.float_info.max else None
    _write_json(member.directory / RESULT, result)
    return Outcome(
        status, reason, value, node["usd"], node["billable_seconds"], "; ".join(filter(None, refused)) or None
    )


def _fetch_model(storage: Storage, uri: str, into: Path, limits: ArchiveLimits) -> str | None:
    """Fetch model.tar.gz and return why it is not there, None if it is. Raise only what a later attempt may cure."""
    try:
        return fetch_archive(storage, uri, into, limits).refusal
    except LaunchError as error:
        if is_unreachable(error):
            raise
        return str(error)


def _judge_outcome(
    description: dict[str, Any], member: Member, has_output: bool, returned: dict[str, Any]
) -> tuple[str, str | None]:
    """Return completed, failed or stopped, and the reason if the member did not complete."""
    status, secondary = description["TrainingJobStatus"], description.get("SecondaryStatus")
    if secondary in ("MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
        option = f"hardware.max_hours={member.job_hardware.max_hours:g}"
        if secondary == "MaxWaitTimeExceeded":
            option = "hydra.launcher.spot_max_wait_hours"
        return "failed", f"stopped by SageMaker after {option}; raise it, and resume with retry_failed=true"
    minutes = member.job_hardware.max_pending_minutes
    if status == "Stopped" and is_pending_time_over(description, minutes):
        return "failed", (
            f"there was no capacity for {member.job_hardware.instance_type} within "
            f"hardware.max_pending_minutes={minutes}; raise it or add hardware.fallbacks, and resume with "
            "retry_failed=true"
        )
    if status == "Stopped":
        return "stopped", "the job was stopped"
    if status == "Failed":
        return "failed", _format_reason(description.get("FailureReason") or "SageMaker gave no reason")
    if not has_output:
        return "failed", "the job completed without an output.tar.gz: did the script write to SM_OUTPUT_DATA_DIR?"
    result = _read_json(member.directory / RESULT)
    if result.get("status") in ("failed", "stopped"):
        return str(result["status"]), _format_reason(result.get("error") or "result.json says so")
    if returned.get("status") == "FAILED":
        return "failed", _format_reason(returned.get("error"))
    return "completed", None


def _format_reason(reason: Any) -> str:
    """Return a reason as one line that every terminal can print."""
    return " ".join(str(reason)[:_REASON_LENGTH].encode("utf-8", "backslashreplace").decode().split())


def _save_log_tail(aws: Aws, job_name: str, path: Path) -> None:
    """Save the last lines that the container printed. Failure is only logged."""
    try:
        streams = aws.logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job_name}/")
        lines = []
        for stream in sorted(item["logStreamName"] for item in streams["logStreams"])[:8]:
            events = aws.logs.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=stream, limit=_LOG_LINES, startFromHead=False
            )["events"]
            lines += [f"==> {stream} <==", *(event["message"].rstrip() for event in events)]
        if lines:
            path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
    except Exception as error:  # the log is not worth a failure
        log.warning("the log of %s cannot be read: %s", job_name, format_aws_error(error))


def _read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object that the script wrote, an empty one if it is unusable or cannot be written again."""
    try:
        if path.stat().st_size > _RESULT_BYTES:
            return {}
        content = json.loads(path.read_text("utf-8"))
        json.dumps(content, indent=1)
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    if path.is_dir():
        remove(path)
    partial = path.with_name(path.name + ".partial")
    # Half a surrogate pair has no bytes in UTF-8 and becomes JSON's own escape.
    partial.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8", "backslashreplace")
    os.replace(partial, path)
