"""The five calls to SageMaker about training jobs, and its refusals as exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from hydra_sagemaker_launcher.aws.answers import read_field
from hydra_sagemaker_launcher.aws.error_text import format_aws_error, get_error_code, get_http_status
from hydra_sagemaker_launcher.aws.failures import Failure, classify_failure
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.errors import LaunchError

ENDED = ("Completed", "Failed", "Stopped")
# Times are those of the service's clock. A change may become visible late, so some minutes are listed twice.
_OVERLAP = timedelta(minutes=3)
_QUOTA = re.compile(r"'(?P<name>[^']+)' is (?P<limit>\d+) Instances, with current utilization of (?P<used>\d+)")


def is_pending_time_over(description: dict[str, Any], max_pending_minutes: int | None) -> bool:
    """Return whether an ended job has waited for capacity for as long as it may, and never started.

    SageMaker has no status of its own for this.

    Args:
        description: SageMaker's answer to DescribeTrainingJob.
        max_pending_minutes: The limit, None if there is none.
    """
    if max_pending_minutes is None or description.get("TrainingStartTime") is not None:
        return False
    ended = description.get("TrainingEndTime") or description["LastModifiedTime"]
    return bool((ended - description["CreationTime"]).total_seconds() >= max_pending_minutes * 60)


class QuotaError(LaunchError):
    """SageMaker grants no more instances now.

    Attributes:
        quota: The name of the quota, or all of SageMaker's message if it has another form.
        limit: The instances that the account may have. None if the message does not tell.
    """

    def __init__(self, message: str, region: str) -> None:
        """Parse SageMaker's message.

        Args:
            message: The message of ResourceLimitExceeded.
            region: The region that was asked, to be named to the user.
        """
        match = _QUOTA.search(message)
        self.limit = int(match["limit"]) if match else None
        self.quota = match["name"] if match else message
        used = f"quota '{self.quota}' in {region} is {self.limit} and {match['used']} are in use" if match else message
        super().__init__(f"{used}; ask for more under Service Quotas, Amazon SageMaker, or choose other hardware")


class NameTakenError(LaunchError):
    """A job of this name exists already."""


class NotAllowedError(LaunchError):
    """IAM denies a job of this kind, or handing it its role."""


class TrainingJobClient:
    """The training jobs of one sweep."""

    def __init__(self, aws: Aws, sweep_id: str) -> None:
        """Take the clients, and the id of the sweep, which is part of all its jobs' names."""
        self._aws = aws
        self._sweep_id = sweep_id
        self._since: datetime | None = None

    def renew(self) -> None:
        """Read the credentials again."""
        self._aws.renew()

    def create(self, request: dict[str, Any]) -> str:
        """Submit a job.

        Args:
            request: The parameters of CreateTrainingJob.

        Returns:
            The job's ARN.

        Raises:
            QuotaError: The account has no free instance of the type.
            NameTakenError: A job of this name exists.
            NotAllowedError: IAM denies it.
            LaunchError: SageMaker refuses the request for another reason.
            Exception: boto3's own errors mean that the job may exist or not.
        """
        try:
            return str(read_field(self._aws.sagemaker.create_training_job(**request), "TrainingJobArn"))
        except Exception as error:
            code = get_error_code(error)
            if code == "ResourceLimitExceeded":
                raise QuotaError(error.response["Error"]["Message"], self._aws.region) from error  # type: ignore[attr-defined]
            if code == "ResourceInUse":
                raise NameTakenError(format_aws_error(error)) from error
            failure = classify_failure(error)
            if failure is Failure.denied:
                raise NotAllowedError(
                    f"CreateTrainingJob: {format_aws_error(error)}; the launcher's README has the policies for a sweep"
                ) from error
            # A connection that broke has no status: the request may have arrived.
            if failure is Failure.refused and 400 <= (get_http_status(error) or 500) < 500:
                raise LaunchError(f"CreateTrainingJob: {format_aws_error(error)}") from error
            raise

    def describe(self, name: str) -> dict[str, Any] | None:
        """Return the answer of DescribeTrainingJob. None if there is no job of this name."""
        try:
            description = dict(self._aws.sagemaker.describe_training_job(TrainingJobName=name))
        except Exception as error:
            if get_error_code(error) == "ResourceNotFound" or "Requested resource not found" in str(error):
                return None
            raise
        read_field(description, "TrainingJobStatus")
        return description

    def list_changed(self) -> Iterator[dict[str, Any]]:
        """Yield the sweep's jobs that have changed since the last call, as ListTrainingJobs shows them.

        A page of 100 jobs is one API call, so a call costs as much as has happened.
        """
        newest = self._since
        filters = {} if self._since is None else {"LastModifiedTimeAfter": self._since - _OVERLAP}
        for summary in self._list_summaries(**filters):
            modified = summary["LastModifiedTime"]
            newest = modified if newest is None else max(newest, modified)
            yield summary
        self._since = newest

    def list_in_progress(self) -> set[str]:
        """Return the names of the sweep's jobs that have not ended."""
        return {summary["TrainingJobName"] for summary in self._list_summaries(StatusEquals="InProgress")}

    def stop(self, name: str) -> None:
        """Ask a job to stop. Nothing happens if it has ended."""
        try:
            self._aws.sagemaker.stop_training_job(TrainingJobName=name)
        except Exception as error:
            if get_error_code(error) not in ("ValidationException", "ResourceNotFound"):
                raise

    def _list_summaries(self, **filters: Any) -> Iterator[dict[str, Any]]:
        pages = self._aws.sagemaker.get_paginator("list_training_jobs").paginate(
            NameContains=self._sweep_id, MaxResults=100, **filters
        )
        for page in pages:
            yield from read_field(page, "TrainingJobSummaries")
