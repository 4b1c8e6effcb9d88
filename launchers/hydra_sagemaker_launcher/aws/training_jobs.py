"""The five things that are asked of SageMaker about training jobs, each in as few calls as it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hydra_sagemaker_launcher.aws.session import Aws, format_aws_error, get_error_code, is_unreachable
from hydra_sagemaker_launcher.errors import LaunchError

ENDED = ("Completed", "Failed", "Stopped")
# The service's clock, not ours, and some minutes of it twice: a change may become visible late.
_OVERLAP = timedelta(minutes=3)
_QUOTA = re.compile(r"'(?P<name>[^']+)' is (?P<limit>\d+) Instances, with current utilization of (?P<used>\d+)")


class QuotaError(LaunchError):
    """SageMaker grants no more instances now; `quota` names which, `limit` is what the account may have, where it was
    said."""

    def __init__(self, message: str, region: str) -> None:
        found = _QUOTA.search(message)
        self.limit = int(found["limit"]) if found else None
        self.used = int(found["used"]) if found else None
        self.quota = found["name"] if found else message
        told = f"quota '{self.quota}' in {region} is {self.limit} and {self.used} are in use" if found else message
        super().__init__(f"{told}; ask for more under Service Quotas, Amazon SageMaker, or choose other hardware")


class NameTakenError(LaunchError):
    """A job of this name exists already."""


class NotAllowedError(LaunchError):
    """IAM denies a job of this kind, or handing it its role."""


@dataclass(frozen=True)
class JobSummary:
    """A job as ListTrainingJobs shows it."""

    name: str
    status: str
    secondary_status: str


class TrainingJobClient:
    """Training jobs of one sweep; `sweep_id` is part of all their names."""

    def __init__(self, aws: Aws, sweep_id: str) -> None:
        self._aws = aws
        self._sweep_id = sweep_id
        self._since: datetime | None = None

    def create(self, request: dict[str, Any]) -> str:
        """Submits; returns the ARN. Raises QuotaError, NameTakenError, NotAllowedError, LaunchError for what else
        SageMaker refuses, and boto3's errors where it is not known whether the job exists now."""
        try:
            return str(self._aws.sagemaker.create_training_job(**request)["TrainingJobArn"])
        except Exception as error:
            code = get_error_code(error)
            if code == "ResourceLimitExceeded":
                raise QuotaError(error.response["Error"]["Message"], self._aws.region) from error  # type: ignore[attr-defined]
            if code == "ResourceInUse":
                raise NameTakenError(format_aws_error(error)) from error
            if code == "AccessDeniedException":
                told = f"CreateTrainingJob: {format_aws_error(error)}"
                raise NotAllowedError(
                    f"{told}; the policies that a sweep needs are in the launcher's README"
                ) from error
            status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if 400 <= status < 500 and not is_unreachable(error):
                raise LaunchError(f"CreateTrainingJob: {format_aws_error(error)}") from error
            raise

    def describe(self, name: str) -> dict[str, Any] | None:
        """All of a job; None where there is none of this name."""
        try:
            return dict(self._aws.sagemaker.describe_training_job(TrainingJobName=name))
        except Exception as error:
            if get_error_code(error) == "ResourceNotFound" or "Requested resource not found" in str(error):
                return None
            raise

    def list_changed(self) -> Iterator[JobSummary]:
        """The jobs of the sweep that have changed since the last call: the cost of a call is that of what has happened.

        One page, 100 jobs, is one API call.
        """
        newest = self._since
        filters = {} if self._since is None else {"LastModifiedTimeAfter": self._since - _OVERLAP}
        for summary in self._list_summaries(**filters):
            modified = summary["LastModifiedTime"]
            newest = modified if newest is None else max(newest, modified)
            yield _parse_summary(summary)
        self._since = newest

    def list_in_progress(self) -> set[str]:
        """The names of the sweep's jobs that have not ended."""
        return {summary["TrainingJobName"] for summary in self._list_summaries(StatusEquals="InProgress")}

    def stop(self, name: str) -> None:
        """Asks a job to stop; nothing happens where it has ended."""
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
            yield from page["TrainingJobSummaries"]


def _parse_summary(summary: dict[str, Any]) -> JobSummary:
    status = summary["TrainingJobStatus"]
    return JobSummary(summary["TrainingJobName"], status, summary.get("SecondaryStatus") or status)
