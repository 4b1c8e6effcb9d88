"""A member on its way through SageMaker: what is known of it, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from hydra_sagemaker_launcher.catalog.prices import Price
from hydra_sagemaker_launcher.errors import MemberFailed
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.plan import Candidate


class State(Enum):
    """How far a job is. The values are shown to the user."""

    waiting = "waiting"
    unknown = "looking"  # an earlier client may have submitted it
    running = "running"
    ended = "fetching"  # its output is being downloaded
    finished = "finished"


@dataclass(frozen=True)
class Attempt:
    """The job of a member on another instance type, to be submitted if there is no capacity for the one before it."""

    candidate: Candidate
    request: dict[str, Any]


@dataclass(eq=False)  # jobs are compared by identity
class Job:
    """A member that runs as a training job.

    Attributes:
        member: The member that the job runs.
        request: The CreateTrainingJob request.
        price: The price of its hardware, None if unknown.
        worst_case: The most that the job can cost, its warm pool included, in dollars, None if unknown.
        warm_pool_usd: The most that its warm pool can cost, in dollars.
        state: How far the job is.
        name: The name of the training job, once SageMaker has it.
        phase: SageMaker's secondary status.
        began: When its instances were first seen at work, on the control loop's clock.
        description: SageMaker's last answer to DescribeTrainingJob, once the job has ended.
        stop_asked: Whether SageMaker was asked to stop it.
        misses: How many times in a row SageMaker did not know the job.
        not_before: The earliest time for the next attempt to submit, find or fetch it, on the control loop's clock.
        fetch_failed_since: When its output could first not be fetched, on the control loop's clock.
        outcome: How the member ended, once that is known.
        choices: The instance types from which SageMaker chooses, until it has chosen. Empty if there is one.
        fallbacks: What the launcher submits, one after the other, if there is no capacity.
        submitted: When it was submitted or found, on the control loop's clock.
        is_given_up: Whether it was stopped because it waited too long for capacity.
    """

    member: Member
    request: dict[str, Any]
    price: Price | None
    worst_case: float | None
    warm_pool_usd: float = 0.0
    state: State = State.waiting
    name: str | None = None
    phase: str = ""
    began: float | None = None
    description: dict[str, Any] | None = None
    stop_asked: bool = False
    misses: int = 0
    not_before: float = 0.0
    fetch_failed_since: float | None = None
    outcome: Outcome | None = None
    choices: Sequence[Candidate] = ()
    fallbacks: list[Attempt] = field(default_factory=list)
    submitted: float = 0.0
    is_given_up: bool = False

    @property
    def kinds(self) -> frozenset[tuple[str, bool]]:
        """What quotas apply to: each instance type that it may hold, and whether it is a spot instance."""
        possible = [candidate.hardware for candidate in self.choices] or [self.member.job_hardware]
        return frozenset((hardware.instance_type, hardware.spot) for hardware in possible)

    def estimate_usage(self, now: float) -> tuple[float | None, float | None]:
        """Estimate the seconds and the dollars of a running job by the control loop's clock.

        Args:
            now: The time of that clock.

        Returns:
            Seconds, None before the job has begun, and dollars, None if the price is also unknown.
        """
        if self.began is None:
            return None, None
        seconds, instances = now - self.began, self.member.job_hardware.instance_count
        return seconds, None if self.price is None else seconds * instances * self.price.usd_per_hour / 3600

    def build_job_return(self) -> JobReturn:
        """Return the result of a finished job in the form that a sweeper expects."""
        outcome = self.outcome
        assert outcome is not None
        if outcome.status == "completed":
            return self.member.build_job_return(JobStatus.COMPLETED, outcome.return_value)
        name = f" ({self.name})" if self.name else ""
        failure = MemberFailed(f"#{self.member.number}{name} {outcome.status}: {outcome.reason}")
        return self.member.build_job_return(JobStatus.FAILED, failure)
