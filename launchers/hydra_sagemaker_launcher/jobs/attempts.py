"""The job of a planned member, with every instance type that it may run on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hydra_sagemaker_launcher.catalog.fallbacks import is_chosen_by_sagemaker
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.jobs.job import Attempt, Job, State
from hydra_sagemaker_launcher.manifest import MemberRecord
from hydra_sagemaker_launcher.request.plan import PlannedMember


def build_job(
    item: PlannedMember,
    state: State,
    attempt: int,
    record: MemberRecord,
    build_request: Callable[[Hardware, int], dict[str, Any]],
) -> Job:
    """Build a job: with a list from which SageMaker chooses, or with further attempts that the launcher makes itself.

    Args:
        item: The planned member.
        state: How far the job is.
        attempt: The number of its attempt, from which the launcher's further attempts count.
        record: What earlier launches have recorded. Types that had no capacity are not tried again.
        build_request: Makes the request for a hardware and the number of an attempt.
    """
    member = item.member
    if not item.candidates or is_chosen_by_sagemaker(item.hardware):
        request = build_request(item.hardware, attempt)
        job = Job(member, request, item.price, item.worst_case, item.warm_pool_usd, state)
        job.choices = item.candidates
        return job
    is_anew = state is State.waiting and (record.status is not None or record.is_lost)
    tried = 0 if is_anew else min(record.fallbacks, len(item.candidates) - 1)
    first, *others = [
        Attempt(candidate, build_request(candidate.hardware, attempt + number))
        for number, candidate in enumerate(item.candidates[tried:])
    ]
    member.hardware = first.candidate.hardware
    candidate = first.candidate
    job = Job(member, first.request, candidate.price, candidate.worst_case, candidate.warm_pool_usd, state)
    job.fallbacks = others
    return job
