"""The runner of real jobs: each in a thread of its own, all ended when the service closes."""

from __future__ import annotations

import threading

from sagemaker_rehearsal.job_run import JobRun
from sagemaker_rehearsal.processes import kill_below
from sagemaker_rehearsal.service import Service
from sagemaker_rehearsal.training_jobs import TrainingJob


class ProcessRunner:
    """Runs jobs as processes."""

    def __init__(self, service: Service) -> None:
        """Kill the processes that a killed service has left."""
        self._service = service
        self._threads: list[threading.Thread] = []
        kill_below(service.options.state / "jobs")

    def begin(self, job: TrainingJob) -> None:
        """Start a job."""
        run = JobRun(self._service, job, self.count_running)
        thread = threading.Thread(target=run.run, name=job.name, daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def count_running(self) -> int:
        """Count the jobs that have not ended."""
        return sum(thread.is_alive() for thread in self._threads)

    def refresh(self) -> None:
        """Do nothing, because the threads keep the jobs up to date."""

    def close(self) -> None:
        """End all processes of all jobs."""
        self._service.closing.set()
        for thread in self._threads:
            thread.join(10.0)
