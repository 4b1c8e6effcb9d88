"""How the end of a job is recorded: in the job, in the manifest, and as a line for the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hydra_sagemaker_launcher.aws.error_text import format_aws_error
from hydra_sagemaker_launcher.catalog.prices import compute_cost
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.manifest import Manifest


class JobRecorder:
    """Records the ends of jobs. The first failure stops the sweep if `fail_fast` is set."""

    def __init__(
        self, manifest: Manifest, say: Callable[[str], None], stop: Callable[[str], None], fail_fast: bool
    ) -> None:
        """Write to `manifest`, report by `say`, and call `stop` with a reason to stop the sweep."""
        self._manifest, self._say, self._stop, self._fail_fast = manifest, say, stop, fail_fast

    def record_end(self, job: Job, description: dict[str, Any]) -> None:
        """Record that a job has ended. Its output can be fetched now.

        Args:
            job: The job.
            description: SageMaker's answer to DescribeTrainingJob.
        """
        status = description["TrainingJobStatus"]
        job.state, job.description, job.phase = State.ended, description, status
        cost = compute_cost(job.member.job_hardware, job.price, description)
        self._manifest.write(
            "ended",
            job.member.number,
            job_name=job.name,
            job_status=status,
            instance_type=job.member.job_hardware.instance_type,
            instance_count=job.member.job_hardware.instance_count,
            usd=cost["usd"],
            seconds=cost["billable_seconds"],
            price_source=cost["price_source"],
            warm_pool_usd=job.warm_pool_usd,
            reason=description.get("FailureReason"),
        )
        if status == "Failed":
            self._stop_if_fail_fast(job)

    def record_missing(self, job: Job, usd: float | None) -> None:
        """Record that SageMaker no longer knows a job, e.g. because somebody has deleted it.

        Args:
            job: The job.
            usd: What it has cost by this machine's clock, None if unknown.
        """
        reason = f"the job is gone: SageMaker knows of no {job.name}; resume with retry_failed=true to run it again"
        self._manifest.write("ended", job.member.number, job_name=job.name, job_status="Failed", usd=usd, reason=reason)
        self.finish(job, Outcome("failed", reason))

    def record_lost_output(self, job: Job, error: Exception) -> None:
        """Record that the output of an ended job cannot be fetched. A resumed sweep tries again.

        Args:
            job: The job.
            error: Why the output cannot be fetched.
        """
        cause = str(error) if isinstance(error, LaunchError) else format_aws_error(error)
        if job.outcome is not None:  # known since an earlier launch: only a part of the output is still missing
            self.finish(job, replace(job.outcome, refused=cause), is_final=False)
            return
        description = job.description or {}
        ending = description.get("FailureReason") or f"the job is {description['TrainingJobStatus'].lower()}"
        reason = (
            f"{ending}; its output could not be fetched: {cause}; resume to fetch it again, with retry_failed=true "
            "to run it again"
        )
        self._manifest.write("lost", job.member.number, reason=reason)
        self.finish(job, Outcome("failed", reason), is_final=False)

    def finish(self, job: Job, outcome: Outcome, *, is_final: bool = True) -> None:
        """Record the outcome of a member.

        Args:
            job: The member's job.
            outcome: How the member ended.
            is_final: Whether to write it to the manifest, so that a resumed sweep leaves the member as it is.
        """
        job.outcome, job.state = outcome, State.finished
        if is_final:
            self._manifest.write(
                "finished",
                job.member.number,
                status=outcome.status,
                reason=outcome.reason,
                return_value=outcome.return_value,
                **({"refused": outcome.refused} if outcome.refused else {}),
            )
        self._say(f"#{job.member.number} {outcome.status}" + (f": {outcome.reason}" if outcome.reason else ""))
        if outcome.status == "failed":
            self._stop_if_fail_fast(job)

    def _stop_if_fail_fast(self, job: Job) -> None:
        if self._fail_fast:
            self._stop(f"#{job.member.number} failed, and hydra.launcher.fail_fast is set")
