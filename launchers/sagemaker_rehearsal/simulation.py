"""Simulated jobs: no processes, only a schedule on the simulated clock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sagemaker_rehearsal.capacity import get_pending_end, select_instances
from sagemaker_rehearsal.endings import INTERNAL_ERROR
from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.fault_kinds import Fail, Interrupt
from sagemaker_rehearsal.service import Service
from sagemaker_rehearsal.training_jobs import TrainingJob


@dataclass
class JobSchedule:
    """A job, and the times of its upcoming secondary statuses."""

    job: TrainingJob
    upcoming: list[tuple[float, str]] = field(default_factory=list)
    training_since: float = 0.0


class SimulatedRunner:
    """Updates jobs whenever somebody asks about them. Their statuses carry the times at which they were due."""

    def __init__(self, service: Service) -> None:
        """Start without jobs."""
        self._service = service
        self._lock = threading.Lock()
        self._schedules: list[JobSchedule] = []

    def begin(self, job: TrainingJob) -> None:
        """Schedule a job."""
        schedule = JobSchedule(job)
        self._schedule_phases(schedule, job.created)
        with self._lock:
            self._schedules.append(schedule)

    def refresh(self) -> None:
        """Bring all jobs up to the clock's time."""
        with self._lock:
            now = self._service.clock.get_time()
            for schedule in self._schedules:
                self._advance(schedule, now)
            self._schedules = [schedule for schedule in self._schedules if not schedule.job.has_ended]

    def close(self) -> None:
        """Do nothing, because nothing runs."""

    def _schedule_phases(self, schedule: JobSchedule, at: float) -> None:
        schedule.upcoming = []
        for phase, following, seconds in (
            ("Starting", "Downloading", 0.0),
            ("Downloading", "Training", 0.0),
            ("Training", "Uploading", self._service.options.simulate or 0.0),
            ("Uploading", "Completed", 0.0),
        ):
            at += seconds + self._service.faults.get_delay(schedule.job.name, phase)
            schedule.upcoming.append((at, following))

    def _advance(self, schedule: JobSchedule, now: float) -> None:
        job = schedule.job
        while not job.has_ended:
            if job.selected is None and not job.stop.is_set() and not self._find_instances(schedule, now):
                return
            due = schedule.upcoming[0][0] if schedule.upcoming else now
            moment = min(now, due)
            if job.stop.is_set():
                self._end_job(schedule, "Stopped", now)
            elif job.secondary == "Training" and self._cut_short(schedule, moment):
                continue
            elif due > now or not schedule.upcoming:
                return
            else:
                at, secondary = schedule.upcoming.pop(0)
                if secondary == "Completed":
                    self._complete(schedule, at)
                else:
                    if secondary == "Downloading":
                        job.started = job.started or at
                    if secondary == "Training":
                        schedule.training_since = at
                    job.enter_status(secondary, at)

    def _find_instances(self, schedule: JobSchedule, now: float) -> bool:
        """Give a job instances if there are any, or end it if it has waited too long, and return whether to go on."""
        job = schedule.job
        if select_instances(job, self._service.faults):
            if job.secondary == "Pending":
                self._schedule_phases(schedule, now)
            return True
        end, secondary, reason = get_pending_end(job)
        if now >= end:
            self._end_job(schedule, secondary, end, reason)
        elif job.secondary != "Pending":
            job.enter_status("Pending", job.created)
        return False

    def _cut_short(self, schedule: JobSchedule, moment: float) -> bool:
        """End or interrupt a job in Training if its limit or a fault requires it, and return whether that happened."""
        job, faults = schedule.job, self._service.faults
        trained = moment - schedule.training_since
        limit = job.get_limit("MaxRuntimeInSeconds") - job.training_seconds
        if trained > limit:
            self._end_job(schedule, "MaxRuntimeExceeded", schedule.training_since + limit)
            return True
        failure = faults.take_due(Fail, job.name, trained)
        if failure is not None:
            self._end_job(schedule, "Failed", moment, INTERNAL_ERROR if failure.internal else failure.reason)
            return True
        interruption = faults.take_due(Interrupt, job.name, trained) if job.spot else None
        if interruption is None:
            return False
        job.training_seconds += trained
        job.enter_status("Interrupted", moment)
        self._schedule_phases(schedule, moment + interruption.wait_seconds)
        return True

    def _complete(self, schedule: JobSchedule, at: float) -> None:
        job, archive = schedule.job, self._service.options.simulated_output
        try:
            if archive is not None:
                place = f"{job.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job.name}/output"
                self._service.storage.upload(archive, f"{place}/output.tar.gz")
            self._end_job(schedule, "Completed", at)
        except JobError as error:
            self._end_job(schedule, "Failed", at, str(error))

    def _end_job(self, schedule: JobSchedule, secondary: str, at: float, reason: str = "") -> None:
        job = schedule.job
        if schedule.training_since and job.secondary != "Interrupted":
            job.training_seconds += at - schedule.training_since
        job.end(secondary, at, reason)
