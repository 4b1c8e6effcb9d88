"""The course of one job: start, download, train, upload, and every way in which it may end early."""

from __future__ import annotations

import time
from collections.abc import Callable

from sagemaker_rehearsal.capacity import get_pending_end, select_instances
from sagemaker_rehearsal.endings import INTERNAL_ERROR, LONGEST_REASON, TICK, Ended
from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.job_data import JobData
from sagemaker_rehearsal.program_run import ProgramRun
from sagemaker_rehearsal.service import Service
from sagemaker_rehearsal.training_jobs import TrainingJob


class JobRun:
    """Runs one job in the calling thread."""

    def __init__(self, service: Service, job: TrainingJob, count_running: Callable[[], int]) -> None:
        """Prepare to run a job.

        Args:
            service: What the job needs of the service.
            job: The job.
            count_running: Counts the jobs that share this machine, this one included.
        """
        self._service = service
        self._options = service.options
        self._faults = service.faults
        self._job = job
        self._folder = service.options.state / "jobs" / job.name
        self._program = ProgramRun(service, job, self._folder, count_running, self._raise_if_ended)
        self._data: JobData | None = None
        self._billed_since: float | None = None

    def run(self) -> None:
        """Run the job from Starting to its end. Interruptions and RetryStrategy lead to several attempts."""
        retries = self._job.request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        while True:
            ending = self._run_attempt()
            if ending.secondary == "Interrupted":
                self._stop_billing()
                self._data = None  # lost with the instances, except for the checkpoints in S3
                self._job.enter_status("Interrupted", self._get_time())
                try:
                    self._pause(ending.wait_seconds)
                except Ended as final:
                    ending = final
                    break
            elif ending.internal and retries > 0:
                self._stop_billing()
                retries -= 1
                self._job.enter_status("Restarting", self._get_time())
            else:
                break
            self._job.enter_status("Starting", self._get_time())
        if not self._service.closing.is_set():
            self._finish(ending)

    def _run_attempt(self) -> Ended:
        try:
            self._pause(self._faults.get_delay(self._job.name, "Starting"))
            self._wait_for_instances()
            self._enter("Downloading")
            self._billed_since = self._get_time()
            self._job.started = self._job.started or self._billed_since
            file_systems = self._options.file_systems
            self._data = JobData(self._service.storage, self._job, self._folder, file_systems)
            self._data.download(by_toolkit=self._options.toolkit is not None)
            self._pause(self._faults.get_delay(self._job.name, "Downloading"))
            self._enter("Training")
            self._pause(self._faults.get_delay(self._job.name, "Training"))
            self._program.run(self._data)
        except Ended as ending:
            return ending
        except JobError as error:
            return Ended("Failed", str(error))
        except Exception as error:  # a bug of the service must not leave the job in progress for ever
            return Ended("Failed", f"{INTERNAL_ERROR} ({type(error).__name__}: {error})")
        return Ended("Completed")

    def _wait_for_instances(self) -> None:
        """Wait until there is capacity for one of the job's types. Raises Ended if it waits too long."""
        job = self._job
        if job.selected is not None or select_instances(job, self._faults):
            return
        end, secondary, reason = get_pending_end(job)
        self._enter("Pending")
        while not select_instances(job, self._faults):
            self._raise_if_ended()
            if self._get_time() >= end:
                raise Ended(secondary, reason)
            time.sleep(TICK)

    def _raise_if_ended(self) -> None:
        """Raise Ended if the job was stopped or has no time left."""
        job, now = self._job, self._get_time()
        if self._service.closing.is_set():
            raise Ended("Stopped")
        if job.stop.is_set():
            raise Ended("Stopped", grace_seconds=self._options.stop_seconds)
        ran = job.training_seconds + (now - self._billed_since if self._billed_since is not None else 0.0)
        if ran > job.get_limit("MaxRuntimeInSeconds"):
            raise Ended("MaxRuntimeExceeded", grace_seconds=self._options.stop_seconds)
        if now - job.created > job.get_limit("MaxWaitTimeInSeconds"):
            raise Ended("MaxWaitTimeExceeded", grace_seconds=self._options.stop_seconds)

    def _pause(self, seconds: float) -> None:
        until = self._get_time() + seconds
        self._raise_if_ended()
        while self._get_time() < until:
            time.sleep(min(TICK, seconds))
            self._raise_if_ended()

    def _enter(self, secondary: str) -> None:
        with self._job.lock:  # a stop must not come between the check and the change
            self._raise_if_ended()
            self._job.enter_status(secondary, self._get_time())

    def _finish(self, ending: Ended) -> None:
        job = self._job
        if self._data is not None:
            if ending.secondary in ("MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
                job.enter_status(ending.secondary, self._get_time(), "Stopping")
            job.enter_status("Uploading", self._get_time())
            self._service.closing.wait(self._faults.get_delay(job.name, "Uploading"))
            try:
                job.artifacts = self._data.upload_archives(
                    always_model=ending.secondary != "Failed",
                    truncate_output=self._faults.should_truncate_output(job.name),
                )
            except (JobError, OSError) as error:
                if ending.secondary != "Failed":
                    ending = Ended("Failed", str(error))
        self._stop_billing()
        with job.lock:
            if ending.secondary == "Completed" and job.stop.is_set():
                ending = Ended("Stopped")
            job.end(ending.secondary, self._get_time(), ending.reason[:LONGEST_REASON])

    def _stop_billing(self) -> None:
        if self._billed_since is not None:
            self._job.training_seconds += self._get_time() - self._billed_since
            self._billed_since = None

    def _get_time(self) -> float:
        return self._service.clock.get_time()
