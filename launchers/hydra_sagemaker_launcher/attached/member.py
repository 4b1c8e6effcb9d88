"""A member of a sweep that was left behind: its state, time, price and last metric."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.training_jobs import ENDED
from hydra_sagemaker_launcher.catalog.prices import Price
from hydra_sagemaker_launcher.jobs.outcome import RESULT
from hydra_sagemaker_launcher.manifest import MemberRecord

_MAX_METRICS = 3


@dataclass
class MemberView:
    """A member as it is recorded, and as the service describes its job.

    Attributes:
        number: Its number.
        words: The overrides that tell it from the other members.
        record: What is recorded of it.
        directory: Its run directory.
        description: SageMaker's answer to DescribeTrainingJob. None if it was not asked, or knows no such job.
        is_asked: Whether SageMaker was asked.
        looked_up: The price of its instance type, if it is not the planned one.
    """

    number: int
    words: list[str]
    record: MemberRecord
    directory: Path
    description: dict[str, Any] | None = None
    is_asked: bool = False
    looked_up: Price | None = None

    @property
    def label(self) -> str:
        """The overrides as one text."""
        return " ".join(self.words)

    @property
    def is_here(self) -> bool:
        """Whether it runs in the process that launches it, not on SageMaker."""
        return self.record.plan.get("instance_type") is None

    @property
    def is_open(self) -> bool:
        """Whether there may be a job whose results are not in its directory."""
        return self.record.status is None and self.record.job_name is not None

    @property
    def is_running(self) -> bool:
        """Whether SageMaker says that its job runs, waits or stops."""
        return self.description is not None and self.description["TrainingJobStatus"] not in ENDED

    @property
    def has_ended(self) -> bool:
        """Whether SageMaker says that its job has ended."""
        return self.description is not None and not self.is_running

    @property
    def state(self) -> str:
        """How far it is, in a word or two."""
        record = self.record
        if record.status is not None:
            return record.status
        if self.description is not None:
            state = str(self.description.get("SecondaryStatus") or self.description["TrainingJobStatus"])
            return state if self.is_running else f"{state}, not fetched"
        if self.is_asked:
            return "gone"
        if record.job_name is not None:
            return f"{record.job_status}, not fetched" if record.job_status else "unknown"
        return "running here" if self.is_here else "not submitted"

    @property
    def instance_type(self) -> str:
        """The instance type that it runs on, "" for this machine."""
        resources = (self.description or {}).get("ResourceConfig", {})
        chosen = resources.get("SelectedInstanceType") or resources.get("InstanceType")
        return str(chosen or self.record.plan.get("instance_type") or "")

    @property
    def instance_count(self) -> int:
        """The number of its instances."""
        resources = (self.description or {}).get("ResourceConfig", {})
        count = resources.get("SelectedInstanceCount") or resources.get("InstanceCount")
        return int(count or self.record.plan.get("instance_count") or 1)

    @property
    def instances(self) -> str:
        """Its instances as one text, e.g. 2 x ml.g5.xlarge."""
        if self.is_here:
            return "this machine"
        return self.instance_type if self.instance_count == 1 else f"{self.instance_count} x {self.instance_type}"

    @property
    def price(self) -> Price | None:
        """The price of one instance, None if it is unknown."""
        planned = self.record.plan
        if planned.get("price") and planned.get("instance_type") == self.instance_type:
            return Price(**planned["price"])
        return self.looked_up

    @property
    def usd_per_hour(self) -> float | None:
        """The dollars of all its instances per hour, None if the price is unknown."""
        return None if self.price is None else self.price.usd_per_hour * self.instance_count

    def compute_seconds(self, now: datetime | None = None) -> float | None:
        """Return how long its job has run, in seconds. None if it has not begun."""
        description = self.description
        if description is None:
            return self.record.billed_seconds or None
        began = description.get("TrainingStartTime")
        if began is None:
            return None
        end = description.get("TrainingEndTime") or now or datetime.now(timezone.utc)
        return max(0.0, float((end - began).total_seconds()))

    def compute_usd(self, now: datetime | None = None) -> float | None:
        """Return the cost of all its attempts: as billed, or by the clock for a job whose end is not recorded.

        Returns:
            Dollars, None if a price is unknown or nothing was billed yet.
        """
        billed = self.record.billed_usd or None
        if self.description is None or self.record.job_status is not None:
            return billed
        seconds = self.description.get("BillableTimeInSeconds") or self.compute_seconds(now)
        if seconds is None or self.usd_per_hour is None:
            return billed
        return (billed or 0.0) + seconds * self.usd_per_hour / 3600

    def find_last_metric(self) -> str:
        """Return what SageMaker has read of the log as metrics, or the objective in result.json. "" without either."""
        metrics = (self.description or {}).get("FinalMetricDataList", [])
        if metrics:
            newest = sorted(metrics, key=lambda each: each["Timestamp"], reverse=True)[:_MAX_METRICS]
            return " ".join(f"{each['MetricName']}={each['Value']:.4g}" for each in newest)
        value = self._read_objective() if self.record.status is not None else None
        return "" if value is None else f"objective={value:.4g}"

    def _read_objective(self) -> float | None:
        try:
            value = json.loads((self.directory / RESULT).read_text("utf-8")).get("objective")
        except (OSError, ValueError, AttributeError):
            value = self.record.return_value
        return float(value) if isinstance(value, int | float) else None
