"""The course of one job: start, download, train, upload, and every way in which it may end early."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

from sagemaker_rehearsal.capacity import get_pending_end, select_instances
from sagemaker_rehearsal.clock import Clock
from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.fault_kinds import Fail, Interrupt
from sagemaker_rehearsal.faults import Faults
from sagemaker_rehearsal.job_data import JobData
from sagemaker_rehearsal.logs import LogStream, extract_exception
from sagemaker_rehearsal.options import Options
from sagemaker_rehearsal.processes import HostProcess, terminate_processes
from sagemaker_rehearsal.programs import build_programs, build_toolkit_program
from sagemaker_rehearsal.storage import Storage
from sagemaker_rehearsal.training_jobs import TrainingJob

TICK = 0.05  # seconds between two checks of a job's processes
LONGEST_REASON = 1024  # of FailureReason in the service model
NOT_INSTALLED = "rehearsal: requirements.txt is not installed; the program uses the packages of this Python"
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."


@dataclass(frozen=True)
class Service:
    """The parts of the service that a job needs."""

    options: Options
    clock: Clock
    faults: Faults
    storage: Storage
    closing: Event


@dataclass(eq=False)  # exceptions must be hashable
class Ended(Exception):  # noqa: N818 - most endings are not errors
    """An attempt at a job ends.

    Attributes:
        secondary: The secondary status, which may be Interrupted.
        reason: The reason of a failure.
        internal: Whether RetryStrategy retries the failure.
        wait_seconds: How long it takes after an interruption until there is capacity again.
        grace_seconds: The time of the processes between SIGTERM and SIGKILL.
    """

    secondary: str
    reason: str = ""
    internal: bool = False
    wait_seconds: float = 0.0
    grace_seconds: float = 0.0


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
        self._count_running = count_running
        self._options = service.options
        self._faults = service.faults
        self._job = job
        self._folder = service.options.state / "jobs" / job.name
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
            self._train(self._data)
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

    def _train(self, data: JobData) -> None:
        """Run the program, and return when all processes have succeeded. Raises Ended or JobError otherwise."""
        url, options, containers = self._service.storage.url, self._options, data.containers
        streams = {host: LogStream(self._job, host) for host in self._job.hosts}
        processes: list[HostProcess] = []
        grace = 0.0
        try:
            if options.toolkit is not None:
                if len(containers) > 1:
                    raise JobError(
                        "ClientError: with --toolkit a job can have only one host, because host names are not resolved"
                    )
                programs = [build_toolkit_program(containers[0], url, options.toolkit)]
            else:
                programs = build_programs(
                    containers, url, options.processes_per_host, self._count_running(), options.python
                )
                if (containers[0].code / "requirements.txt").is_file():
                    streams["algo-1"].write_line(NOT_INSTALLED)
            for program in programs:
                host = program.container.host
                processes.append(HostProcess(host, program.command, program.env, program.container.code, streams[host]))
            self._watch(processes, data)
        except Ended as ending:
            grace = ending.grace_seconds
            raise
        finally:
            terminate_processes(processes, self._folder, grace, self._service.closing)
            data.close_pipes()
            data.upload_checkpoints()

    def _watch(self, processes: Sequence[HostProcess], data: JobData) -> None:
        began = uploaded = self._get_time()
        while True:
            codes = [process.exit_code for process in processes]
            failed = [(process, code) for process, code in zip(processes, codes, strict=True) if code]
            if failed:
                raise self._build_failure(*failed[0], data)
            if all(code == 0 for code in codes):
                return
            self._raise_if_ended()
            self._check_faults(self._get_time() - began)
            if self._get_time() - uploaded >= self._options.checkpoint_seconds:
                data.upload_checkpoints()
                uploaded = self._get_time()
            time.sleep(TICK)

    def _build_failure(self, process: HostProcess, code: int, data: JobData) -> Ended:
        process.finish_output(1.0)
        container = next(each for each in data.containers if each.host == process.host)
        written = [each for each in [container, *data.containers] if each.failure.is_file()]
        if not written:
            container.write_failure(code, process.command, extract_exception(process.last_lines))
        text = (written or [container])[0].failure.read_text("utf-8", "replace")
        prefix, suffix = "AlgorithmError: ", f", exit code: {code}"
        reason = f"{prefix}{text[: LONGEST_REASON - len(prefix) - len(suffix)]}{suffix}"
        return Ended("Failed", reason, grace_seconds=min(5.0, self._options.stop_seconds))

    def _check_faults(self, trained_seconds: float) -> None:
        failure = self._faults.take_due(Fail, self._job.name, trained_seconds)
        if failure is not None:
            raise Ended("Failed", INTERNAL_ERROR if failure.internal else failure.reason, failure.internal)
        interruption = self._faults.take_due(Interrupt, self._job.name, trained_seconds) if self._job.spot else None
        if interruption is not None:  # as on AWS, the processes get a warning of two minutes
            grace = min(120.0, self._options.stop_seconds)
            raise Ended("Interrupted", wait_seconds=interruption.wait_seconds, grace_seconds=grace)

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
