"""Simulated jobs: no process, only a timetable that the simulated clock runs through."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.job_run import INTERNAL_ERROR, Service
from sagemaker_rehearsal.training_jobs import TrainingJob


@dataclass
class JobSchedule:
    """What is still to come of a job: the time of each next status."""

    job: TrainingJob
    ahead: list[tuple[float, str]] = field(default_factory=list)
    training_since: float = 0.0


class SimulatedRunner:
    """Moves jobs along whenever somebody asks about them; statuses carry the times at which they were due."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._courses: list[JobSchedule] = []

    def begin(self, job: TrainingJob) -> None:
        """Takes a job up."""
        course = JobSchedule(job)
        self._schedule_phases(course, job.created)
        with self._lock:
            self._courses.append(course)

    def refresh(self) -> None:
        """Brings all jobs up to the clock's time."""
        with self._lock:
            now = self._service.clock.get_time()
            for course in self._courses:
                self._advance(course, now)
            self._courses = [course for course in self._courses if not course.job.has_ended]

    def close(self) -> None:
        """Nothing runs."""

    def _schedule_phases(self, course: JobSchedule, at: float) -> None:
        course.ahead = []
        for phase, following, seconds in (
            ("Starting", "Downloading", 0.0),
            ("Downloading", "Training", 0.0),
            ("Training", "Uploading", self._service.options.simulate or 0.0),
            ("Uploading", "Completed", 0.0),
        ):
            at += seconds + self._service.faults.get_delay(course.job.name, phase)
            course.ahead.append((at, following))

    def _advance(self, course: JobSchedule, now: float) -> None:
        job = course.job
        while not job.has_ended:
            due = course.ahead[0][0] if course.ahead else now
            moment = min(now, due)
            if job.stop.is_set():
                self._end_job(course, "Stopped", now)
            elif job.secondary == "Training" and self._cut_short(course, moment):
                continue
            elif due > now or not course.ahead:
                return
            else:
                at, secondary = course.ahead.pop(0)
                if secondary == "Completed":
                    self._complete(course, at)
                else:
                    if secondary == "Downloading":
                        job.started = job.started or at
                    if secondary == "Training":
                        course.training_since = at
                    job.enter_status(secondary, at)

    def _cut_short(self, course: JobSchedule, moment: float) -> bool:
        """Ends or interrupts a job in Training where its limit or a fault says so."""
        job, faults = course.job, self._service.faults
        trained = moment - course.training_since
        limit = job.get_limit("MaxRuntimeInSeconds") - job.training_seconds
        if trained > limit:
            self._end_job(course, "MaxRuntimeExceeded", course.training_since + limit)
            return True
        failure = faults.take_failure(job.name, trained)
        if failure is not None:
            job.failure_reason = INTERNAL_ERROR if failure.internal else failure.reason
            self._end_job(course, "Failed", moment)
            return True
        interruption = faults.take_interruption(job.name, trained) if job.spot else None
        if interruption is None:
            return False
        job.training_seconds += trained
        job.enter_status("Interrupted", moment)
        self._schedule_phases(course, moment + interruption.wait_seconds)
        return True

    def _complete(self, course: JobSchedule, at: float) -> None:
        job, archive = course.job, self._service.options.simulated_output
        try:
            if archive is not None:
                place = f"{job.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job.name}/output"
                self._service.storage.upload(archive, f"{place}/output.tar.gz")
            self._end_job(course, "Completed", at)
        except JobError as error:
            job.failure_reason = str(error)
            self._end_job(course, "Failed", at)

    def _end_job(self, course: JobSchedule, secondary: str, at: float) -> None:
        job = course.job
        if course.training_since and job.secondary != "Interrupted":
            job.training_seconds += at - course.training_since
        status = secondary if secondary in ("Completed", "Failed") else "Stopped"
        job.enter_status(secondary, at, status, message=job.failure_reason)
