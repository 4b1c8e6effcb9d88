"""The story of one job: start, download, train, upload; and every way in which it may end before."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from sagemaker_rehearsal.clients import Clients
from sagemaker_rehearsal.clock import Clock
from sagemaker_rehearsal.container import Container
from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.faults import Faults
from sagemaker_rehearsal.logs import LogStream, error_message
from sagemaker_rehearsal.options import Options
from sagemaker_rehearsal.processes import HostProcess, end
from sagemaker_rehearsal.programs import programs, toolkit_program
from sagemaker_rehearsal.storage import Checkpoints, Storage, pack
from sagemaker_rehearsal.training_jobs import TrainingJob

TICK = 0.05  # seconds between two looks at a job's processes
LONGEST_REASON = 1024  # of FailureReason in the service model
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."


@dataclass(frozen=True)
class Service:
    """What a job needs of the service."""

    options: Options
    clock: Clock
    faults: Faults
    clients: Clients
    storage: Storage
    closing: Event


@dataclass
class Ended(Exception):  # noqa: N818 - most endings are no errors
    """Why a job does not go on: the secondary status it ends in, or Interrupted; the reason of a failure."""

    secondary: str
    reason: str = ""
    internal: bool = False
    grace_seconds: float = 0.0  # what its processes are given between SIGTERM and SIGKILL

    @property
    def status(self) -> str:
        """The status that goes with the secondary one."""
        return self.secondary if self.secondary in ("Completed", "Failed") else "Stopped"


class JobRun:
    """Runs one job in the calling thread."""

    def __init__(self, service: Service, job: TrainingJob) -> None:
        self._service = service
        self._options = service.options
        self._faults = service.faults
        self._job = job
        self._folder = service.options.state / "jobs" / job.name
        self._containers: list[Container] = []
        self._checkpoints: list[Checkpoints] = []
        self._billed_since: float | None = None

    def run(self) -> None:
        """From Starting to the end, with as many attempts as interruptions and RetryStrategy make of it."""
        retries = self._job.request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        while True:
            ending = self._attempt()
            if ending.secondary == "Interrupted":
                self._bill()
                self._job.moved("Interrupted", self._now())
                try:
                    self._pause(float(ending.reason))
                except Ended as meanwhile:
                    ending = meanwhile
                    break
            elif ending.internal and retries > 0:
                self._bill()
                retries -= 1
                self._job.moved("Restarting", self._now())
            else:
                break
            self._job.moved("Starting", self._now())
        if not self._service.closing.is_set():
            self._finish(ending)

    def _attempt(self) -> Ended:
        try:
            self._pause(self._faults.delay(self._job.name, "Starting"))
            self._enter("Downloading")
            self._billed_since = self._now()
            self._job.started = self._job.started or self._billed_since
            self._download()
            self._pause(self._faults.delay(self._job.name, "Downloading"))
            self._enter("Training")
            self._pause(self._faults.delay(self._job.name, "Training"))
            self._train()
        except Ended as ending:
            return ending
        except JobError as error:
            return Ended("Failed", str(error))
        except Exception as error:  # a mistake of the service's own must not leave the job in progress for ever
            return Ended("Failed", f"{INTERNAL_ERROR} ({type(error).__name__}: {error})")
        return Ended("Completed")

    def _download(self) -> None:
        job, storage = self._job, self._service.storage
        shutil.rmtree(self._folder, ignore_errors=True)
        self._containers = [Container(job, host, self._folder / host) for host in job.hosts]
        self._checkpoints = []
        for number, container in enumerate(self._containers):
            for channel in job.request.get("InputDataConfig", []):
                source = channel["DataSource"]["S3DataSource"]
                sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
                part = (number, len(self._containers)) if sharded else (0, 1)
                storage.download(source["S3Uri"], container.channels / channel["ChannelName"], *part)
            if "CheckpointConfig" in job.request:
                place = Checkpoints(storage, job.request["CheckpointConfig"]["S3Uri"], container.checkpoints)
                place.download()
                self._checkpoints.append(place)
            container.write_config(map_submit_directory=self._options.toolkit is not None)
            if self._options.toolkit is None:
                container.unpack_source(self._source_from_s3(container))

    def _source_from_s3(self, container: Container) -> Path | None:
        uri = str(container.hyperparameters().get("sagemaker_submit_directory", ""))
        if not uri.startswith("s3://"):
            return None
        folder = container.base / "submitted"
        self._service.storage.download(uri, folder)
        archive = folder / uri.rpartition("/")[2]
        if not archive.is_file():
            raise JobError(f"ClientError: {uri}: there is no such source archive")
        return archive

    def _train(self) -> None:
        """Returns when all processes have succeeded. Raises Ended, JobError."""
        url, options = self._service.clients.url, self._options
        streams = {host: LogStream(self._service.clients, self._job, host) for host in self._job.hosts}
        processes: list[HostProcess] = []
        grace = 0.0
        try:
            if options.toolkit is not None:
                if len(self._containers) > 1:
                    raise JobError("ClientError: with --toolkit jobs have one host: the others' names are not known")
                todo = [toolkit_program(self._containers[0], url, options.toolkit)]
            else:
                todo = programs(self._containers, url, options.processes_per_host)
                self._say_what_is_not_installed(streams["algo-1"])
            for program in todo:
                host = program.container.host
                processes.append(HostProcess(host, program.command, program.env, program.container.code, streams[host]))
            self._watch(processes)
        except Ended as ending:
            grace = ending.grace_seconds
            raise
        finally:
            end(processes, self._folder, grace)
            self._upload_checkpoints()
            for stream in streams.values():
                stream.close()

    def _say_what_is_not_installed(self, stream: LogStream) -> None:
        if (self._containers[0].code / "requirements.txt").is_file():
            stream.line("rehearsal: requirements.txt is not installed; the program finds what this Python has")

    def _watch(self, processes: Sequence[HostProcess]) -> None:
        began = uploaded = self._now()
        while True:
            codes = [process.exit_code for process in processes]
            failed = [(process, code) for process, code in zip(processes, codes, strict=True) if code]
            if failed:
                raise self._failure(*failed[0])
            if all(code == 0 for code in codes):
                return
            self._check()
            self._check_faults(self._now() - began)
            if self._now() - uploaded >= self._options.checkpoint_seconds:
                self._upload_checkpoints()
                uploaded = self._now()
            time.sleep(TICK)

    def _failure(self, process: HostProcess, code: int) -> Ended:
        process.output.finish(1.0)
        container = next(each for each in self._containers if each.host == process.host)
        written = [each for each in [container, *self._containers] if each.failure.is_file()]
        if not written:
            container.write_failure(code, process.command, error_message(process.output.last_lines))
        text = (written or [container])[0].failure.read_text("utf-8", "replace")
        before, behind = "AlgorithmError: ", f", exit code: {code}"
        reason = f"{before}{text[: LONGEST_REASON - len(before) - len(behind)]}{behind}"
        return Ended("Failed", reason, grace_seconds=min(5.0, self._options.stop_seconds))

    def _check_faults(self, trained_seconds: float) -> None:
        failure = self._faults.failure(self._job.name, trained_seconds)
        if failure is not None:
            raise Ended("Failed", INTERNAL_ERROR if failure.internal else failure.reason, failure.internal)
        interruption = self._faults.interruption(self._job.name, trained_seconds) if self._job.spot else None
        if interruption is not None:  # as on AWS the processes are told two minutes before
            raise Ended(
                "Interrupted", str(interruption.wait_seconds), grace_seconds=min(120.0, self._options.stop_seconds)
            )

    def _check(self) -> None:
        """Raises Ended where the job has been stopped, or has no time left."""
        job, now = self._job, self._now()
        if self._service.closing.is_set():
            raise Ended("Stopped")
        if job.stop.is_set():
            raise Ended("Stopped", grace_seconds=self._options.stop_seconds)
        ran = job.training_seconds + (now - self._billed_since if self._billed_since is not None else 0.0)
        if ran > job.limit("MaxRuntimeInSeconds"):
            raise Ended("MaxRuntimeExceeded", grace_seconds=self._options.stop_seconds)
        if now - job.created > job.limit("MaxWaitTimeInSeconds"):
            raise Ended("MaxWaitTimeExceeded", grace_seconds=self._options.stop_seconds)

    def _pause(self, seconds: float) -> None:
        until = self._now() + seconds
        self._check()
        while self._now() < until:
            time.sleep(min(TICK, seconds))
            self._check()

    def _enter(self, secondary: str) -> None:
        with self._job.lock:  # a stop must not come between the look and the move
            self._check()
            self._job.moved(secondary, self._now())

    def _finish(self, ending: Ended) -> None:
        job = self._job
        if self._containers:
            if ending.secondary in ("MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
                job.moved(ending.secondary, self._now(), "Stopping")
            job.moved("Uploading", self._now())
            time.sleep(self._faults.delay(job.name, "Uploading"))
            try:
                self._upload_archives(always_model=ending.status != "Failed")
            except JobError as error:
                if ending.status != "Failed":
                    ending = Ended("Failed", str(error))
        self._bill()
        with job.lock:
            if ending.secondary == "Completed" and job.stop.is_set():
                ending = Ended("Stopped")
            job.failure_reason = ending.reason[:LONGEST_REASON]
            job.moved(ending.secondary, self._now(), ending.status, message=job.failure_reason)

    def _upload_archives(self, always_model: bool) -> None:
        job = self._job
        output = job.request["OutputDataConfig"]
        place = f"{output['S3OutputPath'].rstrip('/')}/{job.name}/output"
        with tempfile.TemporaryDirectory(dir=self._folder) as temporary:
            model, data = Path(temporary) / "model.tar.gz", Path(temporary) / "output.tar.gz"
            if pack([container.model for container in self._containers], model) or always_model:
                self._service.storage.upload(model, f"{place}/model.tar.gz", output.get("KmsKeyId"))
                job.artifacts = f"{place}/model.tar.gz"
            if pack([container.data for container in self._containers], data):
                if self._faults.malforms_output(job.name):
                    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
                self._service.storage.upload(data, f"{place}/output.tar.gz", output.get("KmsKeyId"))

    def _upload_checkpoints(self) -> None:
        for checkpoints in self._checkpoints:
            try:
                checkpoints.upload()
            except JobError as error:
                print(f"{self._job.name}: checkpoints are not uploaded: {error}", flush=True)

    def _bill(self) -> None:
        if self._billed_since is not None:
            self._job.training_seconds += self._now() - self._billed_since
            self._billed_since = None

    def _now(self) -> float:
        return self._service.clock.now()
