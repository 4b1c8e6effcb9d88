"""Submission: when the job of a member may start, and that it never starts twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra_sagemaker_launcher.aws.training_jobs import (
    ENDED,
    NameTakenError,
    NotAllowedError,
    QuotaError,
    TrainingJobClient,
)
from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.capacity import adopt_selection, lacks_capacity, take_fallback
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.jobs.outage import OutageGuard
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.jobs.recorder import JobRecorder
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.request.training_job import MEMBER_VARIABLE, SWEEP_VARIABLE

_QUOTA_PAUSE = 300.0  # seconds before a type without a free instance is tried again, if none of our jobs has ended
_RELEASE_PAUSE = 15.0  # the same if our last job of this type has just ended


@dataclass
class Submission:
    """Submits waiting jobs, one at a time, as `max_parallel`, `budget_usd` and quotas allow.

    The outcome of a job that is not submitted is not final, so a resumed sweep tries again. The attributes are those
    of Control, and its guard and recorder.
    """

    jobs: Sequence[Job]
    service: TrainingJobClient
    manifest: Manifest
    options: Any
    say: Callable[[str], None]
    clock: Clock
    guard: OutageGuard
    recorder: JobRecorder
    _next_submission: float = 0.0
    # When our last job of a kind released its instances.
    _released: dict[tuple[str, bool], float] = field(default_factory=dict)
    _allowed: set[tuple[str, bool]] = field(default_factory=set)  # the kinds that SageMaker has taken
    _is_account_full: bool = False  # a quota over all types was reached

    def get_next_time(self) -> float:
        """Return when there may be something to submit, infinity if nothing waits for the clock."""
        moments = [
            max(self._next_submission, job.not_before)
            for job in self.jobs
            if job.state is State.unknown or (job.state is State.waiting and self._has_room(job))
        ]
        return min(moments, default=math.inf)

    def submit(self, is_open: Callable[[], bool]) -> None:
        """Submit what may be submitted now.

        Args:
            is_open: Whether to go on, asked before each job.
        """
        for job in self.jobs:
            now = self.clock.get_time()
            if not is_open() or now < self._next_submission:
                return
            if job.state not in (State.waiting, State.unknown) or now < job.not_before:
                continue
            if job.state is State.waiting and not self._has_room(job):
                self._finish_if_over_budget(job)
                continue
            kind = "find" if job.state is State.unknown else "submit"
            if not self.guard.may_call(kind):
                continue
            self._next_submission = now + self.options.submit_interval
            if not self.guard.try_call(kind, lambda job=job: self._submit_job(job)):  # type: ignore[misc]
                job.state = State.unknown  # the request may have arrived
                job.not_before = self.guard.get_retry_time(kind)
                return  # the others would meet the same outage

    def settle(self, job: Job, reason: str) -> None:
        """Find out whether a job that may have been submitted exists, so that it does not run unnoticed.

        Args:
            job: A job in state `unknown`. It is running, ended or finished afterwards.
            reason: Why it is not submitted if it does not exist.
        """
        if not self._claim_job(job, job.request["TrainingJobName"]):
            self.manifest.write("refused", job.member.number, reason=reason)
            self.recorder.finish(job, Outcome("stopped", f"not submitted: {reason}"), is_final=False)

    def end_job(self, job: Job, description: dict[str, Any]) -> None:
        """Record the end of a job, or prepare it for its next instance type if there was no capacity for this one.

        Args:
            job: The job.
            description: SageMaker's answer to DescribeTrainingJob.
        """
        adopt_selection(job, description)
        self.release_instances(job)
        if not job.fallbacks or not lacks_capacity(job, description):
            self.recorder.record_end(job, description)
            return
        missing = job.member.job_hardware.instance_type
        following = take_fallback(job)
        self.manifest.write("fallback", job.member.number, instance_type=following, missing=missing)
        self.say(f"#{job.member.number} no capacity for {missing}: tries {following}")

    def release_instances(self, job: Job) -> None:
        """Let the jobs that wait for instances of an ended job try again."""
        self._released |= dict.fromkeys(job.kinds, self.clock.get_time())
        for other in self.jobs:
            if other.state is State.waiting and (self._is_account_full or other.kinds & job.kinds):
                other.not_before = 0.0
        self._is_account_full = False

    def _has_room(self, job: Job) -> bool:
        """Return whether max_parallel and budget_usd let a job start now."""
        held = self._list_held_jobs()
        limit, budget = self.options.max_parallel, self.options.budget_usd
        if limit is not None and len(held) >= limit:
            return False
        if budget is None:
            return True
        reserved = sum(other.worst_case or 0.0 for other in held)
        return bool(self._sum_spent_usd() + reserved + (job.worst_case or 0.0) <= budget)

    def _finish_if_over_budget(self, job: Job) -> None:
        """Finish a job that has no room although nothing runs: the money that is spent does not come back."""
        budget = self.options.budget_usd
        if budget is None or self._list_held_jobs():
            return
        reason = (
            f"not submitted: ${self._sum_spent_usd():.2f} of hydra.launcher.budget_usd={budget:g} are spent, "
            f"and it may cost ${job.worst_case or 0:.2f}"
        )
        self.recorder.finish(job, Outcome("failed", reason), is_final=False)

    def _sum_spent_usd(self) -> float:
        """Return what ended jobs have cost and what their warm pools may still cost."""
        return self.manifest.sum_billed_usd() + self.manifest.sum_warm_pool_usd()

    def _submit_job(self, job: Job) -> None:
        name = job.request["TrainingJobName"]
        if job.state is State.unknown:
            if not self._claim_job(job, name):
                job.state = State.waiting
            return
        self.manifest.write("submitting", job.member.number, job_name=name)
        job.state = State.unknown
        try:
            self.service.create(job.request)
        except NameTakenError:
            if not self._claim_job(job, name):  # SageMaker has the job but does not show it yet
                job.not_before = self.clock.get_time() + self.options.poll_interval
        except QuotaError as error:
            self._handle_quota_error(job, error)
        except NotAllowedError as error:
            if job.kinds & self._allowed:  # a right that was withdrawn, or credentials that were exchanged
                raise
            self._handle_not_allowed(job, str(error))
        except LaunchError as error:
            self._handle_refusal(job, str(error))
        else:
            self._mark_running(job, name, f"submitted: {name}")

    def _claim_job(self, job: Job, name: str) -> bool:
        """Take the training job of this name as the member's own, and return whether it exists."""
        description = self.service.describe(name)
        if description is None:
            return False
        environment = description.get("Environment", {})
        expected = job.request["Environment"]
        if any(environment.get(key) != expected[key] for key in (SWEEP_VARIABLE, MEMBER_VARIABLE)):
            self._handle_refusal(
                job, f"a job named {name} is not of this sweep; choose another hydra.launcher.job_name"
            )
            return True
        status = description["TrainingJobStatus"]
        self._mark_running(job, name, f"found again: {name} ({status})")
        adopt_selection(job, description)
        if status in ENDED:
            self.end_job(job, description)
        return True

    def _mark_running(self, job: Job, name: str, line: str) -> None:
        self.manifest.write("submitted", job.member.number, job_name=name)
        self.say(f"#{job.member.number} {line}")
        self._allowed |= job.kinds
        job.state, job.name, job.phase, job.submitted = State.running, name, "Starting", self.clock.get_time()

    def _handle_quota_error(self, job: Job, error: QuotaError) -> None:
        """Wait for a slot if jobs of this sweep hold them, otherwise fail."""
        self.manifest.write("refused", job.member.number, reason=str(error))
        # Spot and on-demand instances of a type have separate quotas, and some quotas are over all types.
        short = {kind for kind in job.kinds if kind[0] in error.quota}
        rivals = [other for other in self.jobs if other is not job and (not short or other.kinds & short)]
        holders = [other for other in self._list_held_jobs() if other in rivals]
        # SageMaker releases an instance some time after its job has ended.
        released = [moment for kind, moment in self._released.items() if not short or kind in short]
        just_released = self.clock.get_time() < max(released, default=-math.inf) + _QUOTA_PAUSE
        possible = [candidate.hardware for candidate in job.choices] or [job.member.job_hardware]
        needed = max(each.instance_count for each in possible if not short or each.instance_type in dict(short))
        suffices = error.limit is None or error.limit >= needed
        if not (holders or just_released) or not suffices:
            self.recorder.finish(job, Outcome("failed", str(error)), is_final=False)
            return
        job.state = State.waiting
        self._is_account_full = self._is_account_full or not short
        for other in [job, *rivals]:  # the others would get the same answer
            if other.state is State.waiting:
                other.not_before = self.clock.get_time() + (_QUOTA_PAUSE if holders else _RELEASE_PAUSE)
        reason = f"this sweep holds {len(holders)}" if holders else "one of this sweep was released a moment ago"
        instance = min(short)[0] if short else "instance of any type"
        self.say(f"#{job.member.number} waits for a free {instance}: {reason}")

    def _handle_not_allowed(self, job: Job, reason: str) -> None:
        """Fail a job and the waiting ones of its kind: a policy may concern an instance type rather than one job."""
        self._handle_refusal(job, reason)
        for other in self.jobs:
            if other.state is State.waiting and other.kinds & job.kinds:
                self.recorder.finish(
                    other, Outcome("failed", f"not submitted: #{job.member.number} was not allowed"), is_final=False
                )

    def _handle_refusal(self, job: Job, reason: str) -> None:
        self.manifest.write("refused", job.member.number, reason=reason)
        self.recorder.finish(job, Outcome("failed", reason), is_final=False)

    def _list_held_jobs(self) -> list[Job]:
        """Return the jobs that hold instances or may hold them: a submission without an answer counts."""
        return [job for job in self.jobs if job.state in (State.running, State.unknown)]
