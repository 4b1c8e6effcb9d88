"""Ask SageMaker what has become of the running jobs."""

from __future__ import annotations

from collections.abc import Callable

from hydra_sagemaker_launcher.aws.training_jobs import ENDED, TrainingJobClient
from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.jobs.capacity import adopt_selection
from hydra_sagemaker_launcher.jobs.job import Job
from hydra_sagemaker_launcher.jobs.recorder import JobRecorder
from hydra_sagemaker_launcher.jobs.submission import Submission

_FULL_CHECK_INTERVAL = 600.0  # seconds between two checks of all running jobs, in case a change was missed


class JobPoller:
    """Follows the running jobs: which phase they are in, which have ended, and which SageMaker no longer knows."""

    def __init__(
        self,
        service: TrainingJobClient,
        submission: Submission,
        recorder: JobRecorder,
        say: Callable[[str], None],
        clock: Clock,
        poll_interval: float,
        list_running_jobs: Callable[[], list[Job]],
    ) -> None:
        """Prepare to poll.

        Args:
            service: SageMaker.
            submission: Takes the jobs that have ended.
            recorder: Records the jobs that are gone.
            say: Takes a line for the user.
            clock: The time of the loop.
            poll_interval: Seconds from one poll to the next.
            list_running_jobs: Returns the jobs that run on SageMaker.
        """
        self._service, self._submission, self._recorder, self._say = service, submission, recorder, say
        self._clock, self._poll_interval, self._list_running_jobs = clock, poll_interval, list_running_jobs
        self._next_full_check = clock.get_time() + _FULL_CHECK_INTERVAL

    def hasten_full_check(self) -> None:
        """Check all running jobs no later than at the next poll."""
        self._next_full_check = min(self._next_full_check, self._clock.get_time() + self._poll_interval)

    def poll(self, is_stopping: Callable[[], bool]) -> None:
        """Ask SageMaker which jobs have changed, and now and then also for all running jobs.

        Args:
            is_stopping: Returns whether the jobs are being stopped. Then every poll checks all of them.
        """
        by_name = {job.name: job for job in self._list_running_jobs()}
        for summary in self._service.list_changed():
            job = by_name.get(summary["TrainingJobName"])
            if job is None:
                continue
            job.phase = summary.get("SecondaryStatus") or summary["TrainingJobStatus"]
            if job.began is None and job.phase not in ("Starting", "Pending"):
                job.began = self._clock.get_time()
            if summary["TrainingJobStatus"] in ENDED or (job.choices and job.began is not None):
                self._refresh_job(job)
        now = self._clock.get_time()
        if now >= self._next_full_check:
            self._check_all(now)
            self._next_full_check = now + (self._poll_interval if is_stopping() else _FULL_CHECK_INTERVAL)

    def _check_all(self, now: float) -> None:
        in_progress = self._service.list_in_progress()
        for job in self._list_running_jobs():
            if job.name in in_progress or self._refresh_job(job):
                job.misses = 0
                continue
            job.misses += 1
            if job.misses > 1 or job.stop_asked:
                self._recorder.record_missing(job, job.estimate_usage(now)[1])
                self._submission.release_instances(job)

    def _refresh_job(self, job: Job) -> bool:
        """Record the end of a job if it has ended, and return whether SageMaker knows the job."""
        assert job.name is not None
        description = self._service.describe(job.name)
        if description is not None and adopt_selection(job, description):
            self._say(f"#{job.member.number} runs on {job.member.job_hardware.instance_type}")
        if description is not None and description["TrainingJobStatus"] in ENDED:
            self._submission.end_job(job, description)
        return description is not None
