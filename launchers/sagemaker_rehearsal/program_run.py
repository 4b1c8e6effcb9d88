"""Run a job's program on its hosts, and see it end or fail, be stopped or be interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sagemaker_rehearsal.endings import INTERNAL_ERROR, LONGEST_REASON, TICK, Ended
from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.fault_kinds import Fail, Interrupt
from sagemaker_rehearsal.job_data import JobData
from sagemaker_rehearsal.logs import LogStream, extract_exception
from sagemaker_rehearsal.processes import HostProcess, terminate_processes
from sagemaker_rehearsal.programs import build_programs, build_toolkit_program
from sagemaker_rehearsal.service import Service
from sagemaker_rehearsal.training_jobs import TrainingJob

NOT_INSTALLED = "rehearsal: requirements.txt is not installed; the program uses the packages of this Python"


class ProgramRun:
    """The processes of one attempt at a job."""

    def __init__(
        self,
        service: Service,
        job: TrainingJob,
        folder: Path,
        count_running: Callable[[], int],
        raise_if_ended: Callable[[], None],
    ) -> None:
        """Prepare to run the program of a job.

        Args:
            service: What the job needs of the service.
            job: The job.
            folder: The job's folder.
            count_running: Counts the jobs that share this machine, this one included.
            raise_if_ended: Raises Ended if the job was stopped or has no time left.
        """
        self._service, self._job, self._folder = service, job, folder
        self._options, self._faults = service.options, service.faults
        self._count_running, self._raise_if_ended = count_running, raise_if_ended

    def run(self, data: JobData) -> None:
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

    def _get_time(self) -> float:
        return self._service.clock.get_time()
