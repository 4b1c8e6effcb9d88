"""The loop that submits, watches and stops the jobs of a sweep, in a thread of its own.

The main thread runs the members of this machine, draws the table and hears Ctrl-C; so an interrupt never falls between
a request and the line in the manifest that tells of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from hydra_sagemaker_launcher.aws.session import format_aws_error, is_aws, is_unreachable
from hydra_sagemaker_launcher.aws.training_jobs import ENDED, TrainingJobClient
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.downloads import OutcomeFetcher
from hydra_sagemaker_launcher.jobs.job import Clock, Job, State
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.jobs.submission import Submission
from hydra_sagemaker_launcher.manifest import Manifest

__all__ = ["Clock", "Control", "Job", "State"]

_FULL_LOOK = 600.0  # seconds between two looks at all running jobs, should a change have been missed


class Control:
    """One launch's jobs, from the first submission to the last outcome."""

    def __init__(
        self,
        jobs: Sequence[Job],
        service: TrainingJobClient,
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
        self._service, self._manifest, self._options, self._say = service, manifest, options, say
        self.clock = clock or Clock()
        self._poll_interval = poll_interval or options.poll_interval
        self._wake = threading.Event()
        self._stopping: str | None = None
        self._next_poll = 0.0
        self._next_full_look = self.clock.get_time() + _FULL_LOOK
        self._outage_since: float | None = None
        self._submission = Submission(
            jobs, service, manifest, options, say, self.clock, self._poll_interval, self._try_call,
            lambda job, outcome: self._finish(job, outcome, kept=False), self._handle_ended_job,
        )  # fmt: skip
        self._fetches = OutcomeFetcher(fetch, self._wake.set)
        # Not Thread.join, which takes a running thread for an ended one after a Ctrl-C (Python 3.10 to 3.12).
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sagemaker-control", daemon=True)

    def start(self) -> None:
        """Starts the loop, unless it has been."""
        if self._thread.ident is None:
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

    def list_running_jobs(self) -> list[Job]:
        return [job for job in self.jobs if job.state is State.running]

    def get_billed_usd(self) -> float:
        """Dollars billed for jobs that have ended, in this and earlier launches of the sweep."""
        return self._manifest.sum_billed_usd()

    # --- the loop

    def _run(self) -> None:
        try:
            while not self.detached and any(job.state is not State.finished for job in self.jobs):
                self._wake.clear()
                self._run_iteration()
                if self.detached or all(job.state is State.finished for job in self.jobs):
                    break
                self.clock.wait(self._compute_pause(), self._wake)
        except Exception as error:  # the main thread raises it
            self.error = error
            if not isinstance(error, LaunchError) and is_aws(error):
                self.error = LaunchError(f"SageMaker refuses to go on with this sweep: {format_aws_error(error)}")
                self.error.__cause__ = error
        finally:
            self._fetches.shutdown()
            self._over.set()

    def _run_iteration(self) -> None:
        self._take_outcomes()
        # An outage is met once, not once a job: until the next poll nothing is asked.
        is_asked = self._outage_since is None or self.clock.get_time() >= self._next_poll
        if self._stopping:
            self._stop_all(self._stopping, is_asked)
        elif is_asked:
            self._submission.submit(lambda: not self._stopping and not self.detached)
        if self.clock.get_time() >= self._next_poll and any(job.state is State.running for job in self.jobs):
            self._try_call(self._poll)
            self._next_poll = self.clock.get_time() + self._poll_interval
        for job in self.jobs:
            if job.state is State.ended and self.clock.get_time() >= job.not_before:
                self._fetches.submit(job)
        left = {job.state for job in self.jobs} - {State.finished}
        if not self._options.wait and left and not left & {State.waiting, State.unknown}:
            self.detach()

    def _compute_pause(self) -> float:
        now = self.clock.get_time()
        moments = [self._next_poll if self.list_running_jobs() else now + self._poll_interval]
        moments.append(max(self._submission.get_next_time(), now if self._outage_since is None else self._next_poll))
        moments += [job.not_before for job in self.jobs if job.state is State.ended and job.not_before > now]
        if self._fetches.has_outcomes():
            return 0.0
        return max(0.0, min(moments) - now)

    def _try_call(self, call: Callable[[], None]) -> bool:
        """Calls; where nobody answers, says so once and counts on a later call. Whether it was answered."""
        try:
            call()
        except Exception as error:
            if not is_unreachable(error):
                raise
            if self._outage_since is None:
                self._outage_since = self.clock.get_time()
                self._say(
                    f"SageMaker cannot be asked ({format_aws_error(error)}); jobs run on, and it is tried again every "
                    f"{self._poll_interval:g} s"
                )
            self._next_poll = self.clock.get_time() + self._poll_interval
            return False
        if self._outage_since is not None:
            self._say(f"SageMaker answers again after {self.clock.get_time() - self._outage_since:.0f} s")
            self._outage_since = None
        return True

    # --- watching

    def _poll(self) -> None:
        by_name = {job.name: job for job in self.jobs if job.state is State.running}
        for seen in self._service.list_changed():
            job = by_name.get(seen.name)
            if job is None:
                continue
            job.phase = seen.secondary_status
            if job.began is None and job.phase not in ("Starting", "Pending"):
                job.began = self.clock.get_time()
            if seen.status in ENDED:
                self._refresh_job(job)
        now = self.clock.get_time()
        if now >= self._next_full_look:
            going_on = self._service.list_in_progress()
            for job in self.list_running_jobs():
                if job.name not in going_on and not self._refresh_job(job):
                    job.misses += 1
                    if job.misses > 1 or job.stop_asked:
                        self._handle_missing_job(job)
                else:
                    job.misses = 0
            self._next_full_look = now + (self._poll_interval if self._stopping else _FULL_LOOK)

    def _refresh_job(self, job: Job) -> bool:
        """Takes the end of a job, if it has come; whether there is such a job."""
        assert job.name is not None
        found = self._service.describe(job.name)
        if found is not None and found["TrainingJobStatus"] in ENDED:
            self._handle_ended_job(job, found)
        return found is not None

    def _handle_missing_job(self, job: Job) -> None:
        """A job that SageMaker no longer knows, as after somebody has deleted it."""
        reason = f"the job is gone: SageMaker knows of no {job.name}; resume with retry_failed=true to run it again"
        self._manifest.write(
            "ended", job.member.number, job_name=job.name, job_status="Failed", usd=None, reason=reason
        )
        self._finish(job, Outcome("failed", reason))
        self._submission.release_instances(job)

    def _handle_ended_job(self, job: Job, found: dict[str, Any]) -> None:
        from hydra_sagemaker_launcher.jobs.outcome import compute_job_cost

        job.state, job.description, job.phase = State.ended, found, found["TrainingJobStatus"]
        self._manifest.write(
            "ended",
            job.member.number,
            job_name=job.name,
            job_status=found["TrainingJobStatus"],
            usd=compute_job_cost(job.member.hardware, job.price, found)["usd"],
            reason=found.get("FailureReason"),
        )
        if found["TrainingJobStatus"] == "Failed" and self._options.fail_fast:  # what it left can be fetched later
            self.stop(f"#{job.member.number} failed, and hydra.launcher.fail_fast is set")
        self._submission.release_instances(job)

    def _take_outcomes(self) -> None:
        for job, outcome in self._fetches.pop_outcomes():
            if isinstance(outcome, Outcome):
                self._finish(job, outcome)
            elif is_unreachable(outcome) or is_unreachable(outcome.__cause__ or outcome):
                self._say(f"#{job.member.number}: what it left cannot be fetched now ({format_aws_error(outcome)})")
                job.not_before = self.clock.get_time() + self._poll_interval
            else:  # whatever it is: one member's result ends no sweep
                self._handle_lost_output(job, outcome)

    def _handle_lost_output(self, job: Job, error: Exception) -> None:
        description = job.description or {}
        ending = description.get("FailureReason") or f"the job is {description['TrainingJobStatus'].lower()}"
        told = error if isinstance(error, LaunchError) else format_aws_error(error)
        reason = (
            f"{ending}; what it left is not here: {told}; resume to fetch it again, with retry_failed=true "
            "to run it again"
        )
        self._manifest.write("lost", job.member.number, reason=reason)
        self._finish(job, Outcome("failed", reason), kept=False)

    # --- ends

    def _stop_all(self, reason: str, is_asked: bool) -> None:
        """Gives up what waits, and asks what runs to stop; ends at the first call that nobody answers."""
        for job in self.jobs:
            if job.state is State.waiting:
                self._finish(job, Outcome("stopped", f"not submitted: {reason}"), kept=False)
        for job in self.jobs if is_asked else ():
            if job.state is State.unknown and self.clock.get_time() >= job.not_before:
                answered = self._try_call(lambda job=job: self._submission.settle(job, reason))  # type: ignore[misc]
                job.not_before = self.clock.get_time() + self._poll_interval
            elif job.state is State.running and not job.stop_asked:
                answered = job.stop_asked = self._try_call(lambda job=job: self._service.stop(job.name or ""))  # type: ignore[misc]
                self._next_full_look = min(self._next_full_look, self.clock.get_time() + self._poll_interval)
            else:
                continue
            if not answered:
                return
            self._next_poll = 0.0

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
