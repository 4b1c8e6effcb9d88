"""Jobs that may run on several instance types: which one they got, and what happens if there is none to get."""

from __future__ import annotations

import re
from typing import Any

from hydra_sagemaker_launcher.aws.training_jobs import is_pending_time_over
from hydra_sagemaker_launcher.catalog.fallbacks import is_pending_limited_by_sagemaker
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.request.plan import Candidate

_NO_CAPACITY = re.compile(r"CapacityError|InsufficientInstanceCapacity|(not enough|insufficient).{0,20}capacity", re.I)
_WAITS = ("Starting", "Pending")


def adopt_selection(job: Job, description: dict[str, Any]) -> bool:
    """Take over the instance type that SageMaker has chosen: it is what is billed, shown and reported.

    Args:
        job: The job.
        description: SageMaker's answer to DescribeTrainingJob.

    Returns:
        Whether the choice is new.
    """
    resources = description.get("ResourceConfig", {})
    selected = resources.get("SelectedInstanceType")
    for candidate in job.choices:
        if candidate.hardware.instance_type == selected:
            _use(job, candidate)
            job.choices = ()
            return True
    return False


def lacks_capacity(job: Job, description: dict[str, Any]) -> bool:
    """Return whether an ended job never started because there was no capacity for its instance type.

    Args:
        job: The job.
        description: SageMaker's answer to DescribeTrainingJob.
    """
    if description.get("TrainingStartTime") is not None:
        return False
    if description["TrainingJobStatus"] == "Failed":
        return _NO_CAPACITY.search(description.get("FailureReason") or "") is not None
    waited_too_long = (
        job.is_given_up
        or description.get("SecondaryStatus") == "MaxWaitTimeExceeded"
        or is_pending_time_over(description, job.member.job_hardware.max_pending_minutes)
    )
    return waited_too_long and description["TrainingJobStatus"] == "Stopped"


def take_fallback(job: Job) -> str:
    """Prepare a job for its next instance type.

    Args:
        job: An ended job with fallbacks. It waits for its submission afterwards.

    Returns:
        The instance type.
    """
    attempt = job.fallbacks.pop(0)
    job.request = attempt.request
    _use(job, attempt.candidate)
    job.state, job.name, job.phase, job.began, job.description = State.waiting, None, "", None, None
    job.stop_asked, job.is_given_up, job.misses, job.not_before = False, False, 0, 0.0
    return attempt.candidate.hardware.instance_type


def has_waited_too_long(job: Job, now: float) -> bool:
    """Return whether the launcher must stop a job that waits for capacity: SageMaker keeps no such limit for it.

    Args:
        job: The job.
        now: The time on the control loop's clock.
    """
    hardware = job.member.job_hardware
    if hardware.max_pending_minutes is None or is_pending_limited_by_sagemaker(hardware):
        return False
    waits = job.state is State.running and job.began is None and job.phase in _WAITS and not job.stop_asked
    return waits and now - job.submitted >= hardware.max_pending_minutes * 60


def _use(job: Job, candidate: Candidate) -> None:
    job.member.hardware, job.price = candidate.hardware, candidate.price
    job.worst_case, job.warm_pool_usd = candidate.worst_case, candidate.warm_pool_usd
