"""The loop that submits, watches and stops the jobs of a sweep, in a thread of its own.

The main thread runs the members of this machine, draws the table and hears Ctrl-C; so an interrupt never falls between
a request and the line in the manifest that tells of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ._aws import error_message, is_aws, is_unreachable
from ._errors import LaunchError
from ._jobs import ENDED, Jobs, NameTakenError, QuotaError
from ._manifest import Manifest
from ._member import Member
from ._outcome import Outcome
from ._prices import Price
from ._request import MEMBER_VARIABLE, SWEEP_VARIABLE

_FULL_LOOK = 600.0  # seconds between two looks at all running jobs, should a change have been missed
_QUOTA_PAUSE = 300.0  # seconds before a type that had no free instance is tried again, if none of ours has ended
_RELEASE_PAUSE = 15.0  # the same where the last of ours has just ended
_FETCHES = 4  # downloads at a time


class State(Enum):
    waiting = "waiting"
    unknown = "looking"  # an earlier client may have submitted it
    running = "running"
    ended = "fetching"  # what it left is on its way
    finished = "finished"


@dataclass
class Job:
    """A member that runs on SageMaker, and where it stands."""

    member: Member
    request: dict[str, Any]
    price: Price | None
    worst_case: float | None  # dollars
    state: State = State.waiting
    name: str | None = None
    phase: str = ""  # SageMaker's secondary status
    began: float | None = None  # on the clock's time: when its instances were first seen at work
    description: dict[str, Any] | None = None
    stop_asked: bool = False
    not_before: float = 0.0
    outcome: Outcome | None = None


class Clock:
    """Time as the loop sees it; a benchmark puts a simulated one in its place."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float, event: threading.Event) -> None:
        event.wait(seconds)


class Control:
    """One launch's jobs, from the first submission to the last outcome."""

    def __init__(
        self,
        jobs: Sequence[Job],
        service: Jobs,
        manifest: Manifest,
        fetch: Callable[[Job], Outcome],
        options: Any,
        say: Callable[[str], None],
        clock: Clock | None = None,
        poll_interval: float | None = None,
    ) -> None:
        self.jobs = jobs
        self.error: Exception | None = None
        self.detached = False
        self._service, self._manifest, self._fetch, self._options, self._say = service, manifest, fetch, options, say
        self.clock = clock or Clock()
        self._poll_interval = poll_interval or options.poll_interval
        self._wake = threading.Event()
        self._stopping: str | None = None
        self._next_poll = self._next_submission = self._next_full_look = 0.0
        self._outage_since: float | None = None
        self._freed: dict[str, float] = {}  # when a job of ours gave back instances of a type
        self._fetches: dict[Future[Outcome], Job] = {}
        self._pool = ThreadPoolExecutor(_FETCHES, thread_name_prefix="sagemaker-fetch")
        # Not Thread.join, which takes a running thread for an ended one after a Ctrl-C (Python 3.10 to 3.12).
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sagemaker-control", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def stopping(self) -> str | None:
        """Why no more is submitted, if that is so."""
        return self._stopping

    def join(self, seconds: float) -> bool:
        """Waits for the end at most so long; whether it has come."""
        return self._over.wait(seconds)

    def stop(self, reason: str) -> None:
        """Submits no more and stops what runs; the loop goes on until all have ended and their outcomes are here."""
        self._stopping = self._stopping or reason
        self._wake.set()

    def detach(self) -> None:
        """Ends the loop and leaves the jobs running."""
        self.detached = True
        self._wake.set()

    def running(self) -> list[Job]:
        return [job for job in self.jobs if job.state is State.running]

    def held(self) -> list[Job]:
        """Those that hold instances, or may: an unanswered submission counts."""
        return [job for job in self.jobs if job.state in (State.running, State.unknown)]

    def spent(self) -> float:
        """Dollars billed for jobs that have ended, in this and earlier launches of the sweep."""
        return self._manifest.billed_usd()

    # --- the loop

    def _run(self) -> None:
        try:
            while not self.detached and any(job.state is not State.finished for job in self.jobs):
                self._wake.clear()
                self._step()
                if self.detached or all(job.state is State.finished for job in self.jobs):
                    break
                self.clock.wait(self._pause(), self._wake)
        except Exception as error:  # the main thread raises it
            self.error = error
            if not isinstance(error, LaunchError) and is_aws(error):
                self.error = LaunchError(f"SageMaker refuses to go on with this sweep: {error_message(error)}")
                self.error.__cause__ = error
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._over.set()

    def _step(self) -> None:
        self._take_outcomes()
        if self._stopping:
            self._stop_all(self._stopping)
        else:
            self._submit()
        if self.clock.now() >= self._next_poll and any(job.state is State.running for job in self.jobs):
            self._reaching(self._poll)
            self._next_poll = self.clock.now() + self._poll_interval
        for job in self.jobs:
            if job.state is State.ended and job not in self._fetches.values() and self.clock.now() >= job.not_before:
                future = self._pool.submit(self._fetch, job)
                future.add_done_callback(lambda _: self._wake.set())
                self._fetches[future] = job
        left = {job.state for job in self.jobs} - {State.finished}
        if not self._options.wait and left and not left & {State.waiting, State.unknown}:
            self.detach()

    def _pause(self) -> float:
        now = self.clock.now()
        moments = [self._next_poll if self.running() else now + self._poll_interval]
        moments += [
            max(self._next_submission, job.not_before)
            for job in self.jobs
            if job.state in (State.waiting, State.unknown) and (job.state is State.unknown or self._has_room(job))
        ]
        moments += [job.not_before for job in self.jobs if job.state is State.ended and job.not_before > now]
        if any(future.done() for future in list(self._fetches)):
            return 0.0
        return max(0.0, min(moments) - now)

    def _reaching(self, call: Callable[[], None]) -> bool:
        """Calls; where nobody answers, says so once and counts on a later call. Whether it was answered."""
        try:
            call()
        except Exception as error:
            if not is_unreachable(error):
                raise
            if self._outage_since is None:
                self._outage_since = self.clock.now()
                self._say(
                    f"SageMaker cannot be asked ({error_message(error)}); jobs run on, and it is tried again every "
                    f"{self._poll_interval:g} s"
                )
            return False
        if self._outage_since is not None:
            self._say(f"SageMaker answers again after {self.clock.now() - self._outage_since:.0f} s")
            self._outage_since = None
        return True

    # --- submission

    def _submit(self) -> None:
        for job in self.jobs:
            now = self.clock.now()
            if self._stopping or self.detached or now < self._next_submission:
                return
            if job.state not in (State.waiting, State.unknown) or now < job.not_before:
                continue
            if job.state is State.waiting and not self._has_room(job):
                self._beyond_budget(job)
                continue
            self._next_submission = now + self._options.submit_interval
            if not self._reaching(lambda job=job: self._submit_one(job)):  # type: ignore[misc]
                job.state = State.unknown  # the request may have arrived
                job.not_before = self.clock.now() + self._poll_interval

    def _has_room(self, job: Job) -> bool:
        """Whether max_parallel and budget_usd let a job start now."""
        held = self.held()
        limit, budget = self._options.max_parallel, self._options.budget_usd
        if limit is not None and len(held) >= limit:
            return False
        if budget is None:
            return True
        reserved = sum(other.worst_case or 0.0 for other in held)
        return bool(self.spent() + reserved + (job.worst_case or 0.0) <= budget)

    def _beyond_budget(self, job: Job) -> None:
        """Finishes a job for which there is no room though nothing runs: what is spent is spent."""
        budget = self._options.budget_usd
        if budget is None or self.held():
            return
        reason = (
            f"not submitted: ${self.spent():.2f} of hydra.launcher.budget_usd={budget:g} are spent, and it may cost "
            f"${job.worst_case or 0:.2f}"
        )
        self._finish(job, Outcome("failed", reason), kept=False)

    def _submit_one(self, job: Job) -> None:
        name = job.request["TrainingJobName"]
        if job.state is State.unknown:
            if not self._adopt(job, name):
                job.state = State.waiting
            return
        self._manifest.write("submitting", job.member.number, job_name=name)
        job.state = State.unknown
        try:
            self._service.create(job.request)
        except NameTakenError:
            if not self._adopt(job, name):  # SageMaker knows it and does not show it yet
                job.not_before = self.clock.now() + self._poll_interval
            return
        except QuotaError as error:
            self._without_quota(job, error)
            return
        except LaunchError as error:
            self._refused(job, str(error))
            return
        self._manifest.write("submitted", job.member.number, job_name=name)
        self._say(f"#{job.member.number} submitted: {name}")
        self._runs(job, name)

    def _adopt(self, job: Job, name: str) -> bool:
        """Takes the job of this name for the member's own, if there is one and it is."""
        found = self._service.describe(name)
        if found is None:
            return False
        environment = found.get("Environment", {})
        expected = job.request["Environment"]
        if any(environment.get(key) != expected[key] for key in (SWEEP_VARIABLE, MEMBER_VARIABLE)):
            self._refused(job, f"a job named {name} is not of this sweep; choose another hydra.launcher.job_name")
            return True
        self._manifest.write("submitted", job.member.number, job_name=name)
        self._say(f"#{job.member.number} found again: {name} ({found['TrainingJobStatus']})")
        self._runs(job, name)
        if found["TrainingJobStatus"] in ENDED:
            self._ended(job, found)
        return True

    def _runs(self, job: Job, name: str) -> None:
        job.state, job.name, job.phase = State.running, name, "Starting"

    def _without_quota(self, job: Job, error: QuotaError) -> None:
        """Waits for a slot where jobs of this sweep hold them; else the quota itself is the failure."""
        self._manifest.write("refused", job.member.number, reason=str(error))
        hardware = job.member.hardware
        assert hardware is not None
        ours = [other for other in self.held() if other is not job and _type(other) == hardware.instance_type]
        # SageMaker gives an instance back some time after its job has ended.
        given_back = self.clock.now() < self._freed.get(hardware.instance_type, 0.0) + _QUOTA_PAUSE
        enough = error.limit is None or error.limit >= hardware.instance_count
        if not (ours or given_back) or not enough:
            self._finish(job, Outcome("failed", str(error)), kept=False)
            return
        job.state = State.waiting
        for other in self.jobs:  # the others of this type would get the same answer
            if other.state is State.waiting and _type(other) == hardware.instance_type:
                other.not_before = self.clock.now() + (_QUOTA_PAUSE if ours else _RELEASE_PAUSE)
        self._say(f"#{job.member.number} waits for a free {hardware.instance_type}: this sweep holds {len(ours)}")

    def _refused(self, job: Job, reason: str) -> None:
        self._manifest.write("refused", job.member.number, reason=reason)
        self._finish(job, Outcome("failed", reason), kept=False)

    # --- watching

    def _poll(self) -> None:
        by_name = {job.name: job for job in self.jobs if job.state is State.running}
        for seen in self._service.changed():
            job = by_name.get(seen.name)
            if job is None:
                continue
            job.phase = seen.secondary_status
            if job.began is None and job.phase not in ("Starting", "Pending"):
                job.began = self.clock.now()
            if seen.status in ENDED:
                self._describe_ended(job)
        now = self.clock.now()
        if now >= self._next_full_look:
            if self._next_full_look:
                going_on = self._service.in_progress()
                for job in self.running():
                    if job.name not in going_on:
                        self._describe_ended(job)
            self._next_full_look = now + _FULL_LOOK

    def _describe_ended(self, job: Job) -> None:
        assert job.name is not None
        found = self._service.describe(job.name)
        if found is not None and found["TrainingJobStatus"] in ENDED:
            self._ended(job, found)

    def _ended(self, job: Job, found: dict[str, Any]) -> None:
        from ._outcome import cost_of

        job.state, job.description, job.phase = State.ended, found, found["TrainingJobStatus"]
        self._manifest.write(
            "ended",
            job.member.number,
            job_name=job.name,
            job_status=found["TrainingJobStatus"],
            usd=cost_of(job.member.hardware, job.price, found)["usd"],
            reason=found.get("FailureReason"),
        )
        if found["TrainingJobStatus"] == "Failed" and self._options.fail_fast:  # what it left can be fetched later
            self.stop(f"#{job.member.number} failed, and hydra.launcher.fail_fast is set")
        self._freed[_type(job)] = self.clock.now()
        for other in self.jobs:  # an instance is free
            if other.state is State.waiting and _type(other) == _type(job):
                other.not_before = 0.0

    def _take_outcomes(self) -> None:
        for future in [future for future in self._fetches if future.done()]:
            job = self._fetches.pop(future)
            error = future.exception()
            if error is None:
                self._finish(job, future.result())
            elif is_unreachable(error) or is_unreachable(error.__cause__ or error):
                self._say(f"#{job.member.number}: what it left cannot be fetched now ({error_message(error)})")
                job.not_before = self.clock.now() + self._poll_interval
            elif isinstance(error, LaunchError):
                description = job.description or {}
                ending = description.get("FailureReason") or f"the job is {description['TrainingJobStatus'].lower()}"
                reason = (
                    f"{ending}; what it left is not here: {error}; resume to fetch it again, with retry_failed=true "
                    "to run it again"
                )
                self._manifest.write("lost", job.member.number, reason=reason)
                self._finish(job, Outcome("failed", reason), kept=False)
            else:
                raise error

    # --- ends

    def _stop_all(self, reason: str) -> None:
        for job in self.jobs:
            if job.state is State.waiting:
                self._finish(job, Outcome("stopped", f"not submitted: {reason}"), kept=False)
            elif job.state is State.unknown and self.clock.now() >= job.not_before:
                self._reaching(lambda job=job: self._settle(job, reason))  # type: ignore[misc]
                job.not_before = self.clock.now() + self._poll_interval
            elif job.state is State.running and not job.stop_asked:
                job.stop_asked = self._reaching(lambda job=job: self._service.stop(job.name or ""))  # type: ignore[misc]
                self._next_poll = 0.0

    def _settle(self, job: Job, reason: str) -> None:
        """Finds out whether a job that was perhaps submitted exists: it must not run on unseen."""
        name = job.request["TrainingJobName"]
        if not self._adopt(job, name):
            self._manifest.write("refused", job.member.number, reason=reason)
            self._finish(job, Outcome("stopped", f"not submitted: {reason}"), kept=False)

    def _finish(self, job: Job, outcome: Outcome, kept: bool = True) -> None:
        """The member is through; `kept`: for good, so that a resumed sweep does not look at it again."""
        job.outcome, job.state = outcome, State.finished
        if kept:
            self._manifest.write(
                "finished",
                job.member.number,
                status=outcome.status,
                reason=outcome.reason,
                return_value=outcome.return_value,
            )
        self._say(f"#{job.member.number} {outcome.status}" + (f": {outcome.reason}" if outcome.reason else ""))
        if outcome.status == "failed" and self._options.fail_fast:
            self.stop(f"#{job.member.number} failed, and hydra.launcher.fail_fast is set")


def _type(job: Job) -> str:
    assert job.member.hardware is not None
    return job.member.hardware.instance_type
