"""Submission: when a member's job may start, and that there is never a second one for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from hydra_sagemaker_launcher.aws.training_jobs import (
    ENDED,
    NameTakenError,
    NotAllowedError,
    QuotaError,
    TrainingJobClient,
)
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.job import Clock, Job, State
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.request.training_job import MEMBER_VARIABLE, SWEEP_VARIABLE

_QUOTA_PAUSE = 300.0  # seconds before a type that had no free instance is tried again, if none of ours has ended
_RELEASE_PAUSE = 15.0  # the same where the last of ours has just ended


class Submission:
    """Lets waiting jobs start, one at a time, as room, budget and quota allow.

    `reaching` makes a call and tells whether it was answered; `finish` and `ended` take a job that is not submitted
    after all, and one that was found to have ended.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        service: TrainingJobClient,
        manifest: Manifest,
        options: Any,
        say: Callable[[str], None],
        clock: Clock,
        poll_interval: float,
        reaching: Callable[[Callable[[], None]], bool],
        finish: Callable[[Job, Outcome], None],
        ended: Callable[[Job, dict[str, Any]], None],
    ) -> None:
        self._jobs, self._service, self._manifest, self._options, self._say = jobs, service, manifest, options, say
        self._clock, self._poll_interval = clock, poll_interval
        self._reaching, self._finish, self._ended = reaching, finish, ended
        self._next_submission = 0.0
        self._freed: dict[tuple[str, bool], float] = {}  # when a job of ours gave back instances of a kind
        self._is_account_full = False  # a quota over all types was met

    def get_next_time(self) -> float:
        """When there may be something to do."""
        moments = [
            max(self._next_submission, job.not_before)
            for job in self._jobs
            if job.state is State.unknown or (job.state is State.waiting and self._has_room(job))
        ]
        return min(moments, default=math.inf)

    def submit(self, is_open: Callable[[], bool]) -> None:
        """Submits what may be submitted now; ends early where `is_open` says so."""
        for job in self._jobs:
            now = self._clock.get_time()
            if not is_open() or now < self._next_submission:
                return
            if job.state not in (State.waiting, State.unknown) or now < job.not_before:
                continue
            if job.state is State.waiting and not self._has_room(job):
                self._finish_if_over_budget(job)
                continue
            self._next_submission = now + self._options.submit_interval
            if not self._reaching(lambda job=job: self._submit_one(job)):  # type: ignore[misc]
                job.state = State.unknown  # the request may have arrived
                job.not_before = self._next_submission = self._clock.get_time() + self._poll_interval
                return  # the others would meet the same outage

    def settle(self, job: Job, reason: str) -> None:
        """Finds out whether a job that was perhaps submitted exists: it must not run on unseen."""
        name = job.request["TrainingJobName"]
        if not self._claim_job(job, name):
            self._manifest.write("refused", job.member.number, reason=reason)
            self._finish(job, Outcome("stopped", f"not submitted: {reason}"))

    def release_instances(self, job: Job) -> None:
        """A job has ended: what waits for an instance of its kind, or for any, may try again."""
        self._freed[job.kind] = self._clock.get_time()
        for other in self._jobs:
            if other.state is State.waiting and (self._is_account_full or other.kind == job.kind):
                other.not_before = 0.0
        self._is_account_full = False

    def _has_room(self, job: Job) -> bool:
        """Whether max_parallel and budget_usd let a job start now."""
        held = self._list_held_jobs()
        limit, budget = self._options.max_parallel, self._options.budget_usd
        if limit is not None and len(held) >= limit:
            return False
        if budget is None:
            return True
        reserved = sum(other.worst_case or 0.0 for other in held)
        return bool(self._manifest.sum_billed_usd() + reserved + (job.worst_case or 0.0) <= budget)

    def _finish_if_over_budget(self, job: Job) -> None:
        """Finishes a job for which there is no room though nothing runs: what is spent is spent."""
        budget = self._options.budget_usd
        if budget is None or self._list_held_jobs():
            return
        reason = (
            f"not submitted: ${self._manifest.sum_billed_usd():.2f} of hydra.launcher.budget_usd={budget:g} are spent, "
            f"and it may cost ${job.worst_case or 0:.2f}"
        )
        self._finish(job, Outcome("failed", reason))

    def _submit_one(self, job: Job) -> None:
        name = job.request["TrainingJobName"]
        if job.state is State.unknown:
            if not self._claim_job(job, name):
                job.state = State.waiting
            return
        self._manifest.write("submitting", job.member.number, job_name=name)
        job.state = State.unknown
        try:
            self._service.create(job.request)
        except NameTakenError:
            if not self._claim_job(job, name):  # SageMaker knows it and does not show it yet
                job.not_before = self._clock.get_time() + self._poll_interval
            return
        except QuotaError as error:
            self._handle_quota_error(job, error)
            return
        except NotAllowedError as error:
            self._handle_not_allowed(job, str(error))
            return
        except LaunchError as error:
            self._handle_refusal(job, str(error))
            return
        self._manifest.write("submitted", job.member.number, job_name=name)
        self._say(f"#{job.member.number} submitted: {name}")
        self._mark_running(job, name)

    def _claim_job(self, job: Job, name: str) -> bool:
        """Takes the job of this name for the member's own, if there is one and it is."""
        found = self._service.describe(name)
        if found is None:
            return False
        environment = found.get("Environment", {})
        expected = job.request["Environment"]
        if any(environment.get(key) != expected[key] for key in (SWEEP_VARIABLE, MEMBER_VARIABLE)):
            self._handle_refusal(
                job, f"a job named {name} is not of this sweep; choose another hydra.launcher.job_name"
            )
            return True
        self._manifest.write("submitted", job.member.number, job_name=name)
        self._say(f"#{job.member.number} found again: {name} ({found['TrainingJobStatus']})")
        self._mark_running(job, name)
        if found["TrainingJobStatus"] in ENDED:
            self._ended(job, found)
        return True

    def _mark_running(self, job: Job, name: str) -> None:
        job.state, job.name, job.phase = State.running, name, "Starting"

    def _handle_quota_error(self, job: Job, error: QuotaError) -> None:
        """Waits for a slot where jobs of this sweep hold them; else the quota itself is the failure."""
        self._manifest.write("refused", job.member.number, reason=str(error))
        hardware = job.member.hardware
        assert hardware is not None
        # Spot and on-demand instances of a type have quotas of their own; some quotas are over all types.
        is_of_kind = hardware.instance_type in error.quota
        rivals = [other for other in self._jobs if other is not job and (not is_of_kind or other.kind == job.kind)]
        ours = [other for other in rivals if other in self._list_held_jobs()]
        # SageMaker gives an instance back some time after its job has ended.
        freed = [when for kind, when in self._freed.items() if not is_of_kind or kind == job.kind]
        given_back = self._clock.get_time() < max(freed, default=-math.inf) + _QUOTA_PAUSE
        enough = error.limit is None or error.limit >= hardware.instance_count
        if not (ours or given_back) or not enough:
            self._finish(job, Outcome("failed", str(error)))
            return
        job.state = State.waiting
        self._is_account_full = self._is_account_full or not is_of_kind
        for other in [job, *rivals]:  # the others would get the same answer
            if other.state is State.waiting:
                other.not_before = self._clock.get_time() + (_QUOTA_PAUSE if ours else _RELEASE_PAUSE)
        why = f"this sweep holds {len(ours)}" if ours else "one of this sweep was given back a moment ago"
        what = hardware.instance_type if is_of_kind else "instance of any type"
        self._say(f"#{job.member.number} waits for a free {what}: {why}")

    def _handle_not_allowed(self, job: Job, reason: str) -> None:
        """Refuses a job and those of its kind that wait: a policy may be about an instance type, not about one job."""
        self._handle_refusal(job, reason)
        for other in self._jobs:
            if other.state is State.waiting and other.kind == job.kind:
                self._finish(other, Outcome("failed", f"not submitted: #{job.member.number} was not allowed"))

    def _handle_refusal(self, job: Job, reason: str) -> None:
        self._manifest.write("refused", job.member.number, reason=reason)
        self._finish(job, Outcome("failed", reason))

    def _list_held_jobs(self) -> list[Job]:
        """Those that hold instances, or may: an unanswered submission counts."""
        return [job for job in self._jobs if job.state in (State.running, State.unknown)]
