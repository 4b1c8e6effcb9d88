"""The loop that submits, watches and stops the jobs of a sweep, in a thread of its own.

The main thread runs the local members, draws the table and receives Ctrl-C. Therefore an interrupt never falls between
a request and its line in the manifest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from hydra_sagemaker_launcher.aws.error_text import format_aws_error
from hydra_sagemaker_launcher.aws.failures import (
    Failure,
    classify_failure,
    find_aws_error,
    is_unreachable,
    suggest_cure,
)
from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient
from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.jobs.capacity import has_waited_too_long
from hydra_sagemaker_launcher.jobs.downloads import OutcomeFetcher
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.jobs.outage import OutageGuard
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.jobs.poller import JobPoller
from hydra_sagemaker_launcher.jobs.recorder import JobRecorder
from hydra_sagemaker_launcher.jobs.submission import Submission
from hydra_sagemaker_launcher.manifest import Manifest


class Control:
    """Runs the jobs of one launch, from the first submission to the last outcome.

    Attributes:
        jobs: The jobs.
        clock: The time of the loop.
        error: What ended the loop early, for the main thread to raise.
        stopping: Why no more jobs are submitted, None if they are.
        detached: Whether the loop has left, or will leave, its jobs running.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        service: TrainingJobClient,
        manifest: Manifest,
        fetch: Callable[[Job], Outcome],
        options: Any,
        say: Callable[[str], None],
        clock: Clock | None = None,
        is_open: bool = False,
    ) -> None:
        """Prepare the loop; `start` starts it.

        Args:
            jobs: The jobs, those that an earlier launch has finished included.
            service: SageMaker.
            manifest: The manifest of the sweep.
            fetch: Fetches the output of an ended job and returns the outcome. Called in other threads.
            options: The options of the launcher.
            say: Takes a line for the user. Called in the thread of the loop.
            clock: The time of the loop, by default the real one.
            is_open: Whether `add` may bring further jobs, so that the loop does not end before `close`.
        """
        self.jobs = list(jobs)
        self._is_open = is_open
        self.error: Exception | None = None
        self.detached = False
        self.clock = clock or Clock()
        self._service, self._manifest, self._options, self._say = service, manifest, options, say
        self._wake = threading.Event()
        self.stopping: str | None = None
        self._next_poll = 0.0
        self._guard = OutageGuard(say, self.clock, options.poll_interval, options.patience_minutes, service.renew)
        self._recorder = JobRecorder(manifest, say, self.stop, options.fail_fast)
        self._submission = Submission(
            self.jobs, service, manifest, options, say, self.clock, self._guard, self._recorder
        )
        self._poller = JobPoller(
            service, self._submission, self._recorder, say, self.clock, options.poll_interval, self.list_running_jobs
        )
        self._fetches = OutcomeFetcher(fetch, self._wake.set)
        # Not Thread.join, which takes a running thread for an ended one after a Ctrl-C (Python 3.10 to 3.12).
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sagemaker-control", daemon=True)

    def start(self) -> None:
        """Start the loop, unless it was started before."""
        if self._thread.ident is None:
            self._thread.start()

    def add(self, job: Job) -> None:
        """Take another job while the loop runs. Only before `close`."""
        self.jobs.append(job)
        self._wake.set()

    def close(self) -> None:
        """Take no further jobs, and end when those that are there have finished."""
        self._is_open = False
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end of the loop, at most so many seconds.

        Returns:
            Whether the loop has ended.
        """
        return self._over.wait(seconds)

    def stop(self, reason: str) -> None:
        """Submit no more jobs and stop the running ones. The loop goes on until all outcomes have been fetched."""
        self.stopping = self.stopping or reason
        self._wake.set()

    def detach(self) -> None:
        """End the loop and leave the jobs running."""
        self.detached = True
        self._wake.set()

    def list_running_jobs(self) -> list[Job]:
        """Return the jobs that run on SageMaker."""
        return [job for job in self.jobs if job.state is State.running]

    def get_billed_usd(self) -> float:
        """Return the dollars billed for ended jobs, in this and earlier launches of the sweep."""
        return self._manifest.sum_billed_usd()

    # --- the loop

    def _run(self) -> None:
        try:
            while not self._is_over():
                self._wake.clear()
                self._run_iteration()
                if not self._is_over():
                    self.clock.wait(self._compute_pause(), self._wake)
        except Exception as error:  # the main thread raises it
            self.error = error
        finally:
            self._fetches.shutdown()
            self._over.set()

    def _is_over(self) -> bool:
        return self.detached or (not self._is_open and all(job.state is State.finished for job in self.jobs))

    def _run_iteration(self) -> None:
        self._take_outcomes()
        if self.stopping:
            self._stop_all(self.stopping)
        else:
            self._submission.submit(lambda: not self.stopping and not self.detached)
        if self.clock.get_time() >= self._next_poll and self._guard.may_call("watch") and self.list_running_jobs():
            self._guard.try_call("watch", lambda: self._poller.poll(lambda: bool(self.stopping)))
            self._next_poll = self.clock.get_time() + self._options.poll_interval
        for job in self.jobs if self._guard.may_call("stop") else ():
            if has_waited_too_long(job, self.clock.get_time()):
                self._give_up_waiting(job)
        for job in self.jobs:
            if job.state is State.ended and self.clock.get_time() >= job.not_before:
                self._fetches.submit(job)
        open_states = {job.state for job in self.jobs} - {State.finished}
        if not self._options.wait and open_states and not open_states & {State.waiting, State.unknown}:
            self.detach()

    def _compute_pause(self) -> float:
        """Return the seconds until there may be something to do."""
        if self._fetches.has_outcomes():
            return 0.0
        now = self.clock.get_time()
        poll = self._next_poll if self.list_running_jobs() else now + self._options.poll_interval
        watch, submit = (self._guard.get_retry_time(kind) for kind in ("watch", "submit"))
        moments = [max(poll, watch), max(self._submission.get_next_time(), submit or now)]
        moments += [job.not_before for job in self.jobs if job.state is State.ended and job.not_before > now]
        return max(0.0, min(moments) - now)

    # --- outcomes

    def _take_outcomes(self) -> None:
        for job, outcome in self._fetches.pop_outcomes():
            if isinstance(outcome, Outcome):
                self._recorder.finish(job, outcome)
            elif is_unreachable(outcome) and self._may_fetch_again(job):
                self._postpone_fetch(job, outcome)
            else:  # whatever it is, one member's output must not end the sweep
                self._recorder.record_lost_output(job, outcome)

    def _may_fetch_again(self, job: Job) -> bool:
        """Return whether there is patience left for the output of a job."""
        now, patience = self.clock.get_time(), self._options.patience_minutes * 60
        return job.fetch_failed_since is None or now - job.fetch_failed_since < patience

    def _postpone_fetch(self, job: Job, error: Exception) -> None:
        """Try again later to fetch the output of a job."""
        failure, now = classify_failure(error), self.clock.get_time()
        if job.fetch_failed_since is None:
            job.fetch_failed_since = now
            said, cure = format_aws_error(find_aws_error(error)), suggest_cure(error)
            self._say(f"#{job.member.number}: its output cannot be fetched now ({said}); it is tried again{cure}")
        if failure is not Failure.unreachable:
            self._service.renew()
        job.not_before = now + self._options.poll_interval

    # --- stopping

    def _give_up_waiting(self, job: Job) -> None:
        """Stop a job that has waited too long for capacity. Its end decides what becomes of it."""
        minutes = job.member.job_hardware.max_pending_minutes
        if self._guard.try_call("stop", lambda: self._service.stop(job.name or "")):
            job.stop_asked = job.is_given_up = True
            self._say(f"#{job.member.number} has waited {minutes} minutes for capacity, and is stopped")
            self._next_poll = 0.0

    def _stop_all(self, reason: str) -> None:
        """Give up the waiting jobs and ask SageMaker to stop the others, until a call is not answered."""
        for job in self.jobs:
            if job.state is State.waiting:
                self._recorder.finish(job, Outcome("stopped", f"not submitted: {reason}"), is_final=False)
        for job in self.jobs:
            if job.state is State.unknown and self.clock.get_time() >= job.not_before and self._guard.may_call("find"):
                is_answered = self._guard.try_call("find", lambda job=job: self._submission.settle(job, reason))  # type: ignore[misc]
                job.not_before = self.clock.get_time() + self._options.poll_interval
            elif job.state is State.running and not job.stop_asked and self._guard.may_call("stop"):
                is_answered = self._guard.try_call("stop", lambda job=job: self._service.stop(job.name or ""))  # type: ignore[misc]
                job.stop_asked = is_answered
                self._poller.hasten_full_check()
            else:
                continue
            if not is_answered:
                return
            self._next_poll = 0.0
