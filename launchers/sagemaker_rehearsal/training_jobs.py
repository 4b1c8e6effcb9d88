"""The record of a training job: its request, its status, and the answer of DescribeTrainingJob."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sagemaker_rehearsal.validation import load_service_model

ACCOUNT = "123456789012"  # moto's
SPOT_SHARE = 0.3  # the billed share of a spot job's training seconds, which the service shows as a discount of 70 %
ENDED = ("Completed", "Failed", "Stopped")
MESSAGES: dict[str, str] = yaml.safe_load(Path(__file__).with_name("statuses.yaml").read_text("utf-8"))


@dataclass
class TrainingJob:
    """One job. Times are seconds since the epoch. Its status changes only by `enter_status`."""

    request: dict[str, Any]
    region: str
    created: float
    status: str = "InProgress"
    secondary: str = ""
    modified: float = 0.0
    transitions: list[dict[str, Any]] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None
    training_seconds: float = 0.0
    failure_reason: str = ""
    metrics: dict[str, tuple[float, float]] = field(default_factory=dict)  # name -> value, when
    artifacts: str = ""
    selected: tuple[str, int] | None = None  # instance type and count, once a list of types has led to one
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.enter_status("Starting", self.created)

    @property
    def name(self) -> str:
        """The training job's name."""
        return str(self.request["TrainingJobName"])

    @property
    def arn(self) -> str:
        """The job's ARN in the rehearsal account."""
        return f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:training-job/{self.name}"

    @property
    def instance_types(self) -> list[tuple[str, int]]:
        """Each instance type that the job may run on with its number of hosts, the preferred one first."""
        resources = self.request["ResourceConfig"]
        shared = resources.get("InstanceCount")
        preferences = resources.get("InstancePreferences") or [{"InstanceType": resources.get("InstanceType")}]
        return [(str(each["InstanceType"]), int(each.get("InstanceCount") or shared)) for each in preferences]

    @property
    def instance_type(self) -> str:
        """The instance type that the job runs on, e.g. ml.p3.2xlarge. Until one is selected: the preferred one."""
        return (self.selected or self.instance_types[0])[0]

    @property
    def instance_count(self) -> int:
        """The number of hosts."""
        return (self.selected or self.instance_types[0])[1]

    @property
    def hosts(self) -> list[str]:
        """The names of the hosts: algo-1 ... algo-n."""
        return [f"algo-{number}" for number in range(1, self.instance_count + 1)]

    @property
    def spot(self) -> bool:
        """Whether the job uses managed spot training."""
        return bool(self.request.get("EnableManagedSpotTraining"))

    @property
    def has_ended(self) -> bool:
        """Whether the job has ended."""
        return self.status in ENDED

    def get_limit(self, name: str) -> float:
        """Return a limit in seconds.

        Args:
            name: MaxRuntimeInSeconds, by default a day, or another one, by default infinite.
        """
        default = 86400 if name == "MaxRuntimeInSeconds" else math.inf
        return float(self.request.get("StoppingCondition", {}).get(name, default))

    def end(self, secondary: str, now: float, reason: str = "") -> None:
        """End in a secondary status, e.g. MaxRuntimeExceeded, for a reason if the job failed."""
        self.failure_reason = reason
        status = secondary if secondary in ("Completed", "Failed") else "Stopped"
        self.enter_status(secondary, now, status, message=reason)

    def enter_status(self, secondary: str, now: float, status: str | None = None, message: str = "") -> None:
        """Enter a secondary status.

        Args:
            secondary: The secondary status.
            now: The time.
            status: The status, if it also changes.
            message: The message of the transition, by default the usual one.
        """
        with self.lock:
            if self.transitions:
                self.transitions[-1]["EndTime"] = now
            self.secondary = secondary
            self.status = status or self.status
            self.modified = now
            entry = {"Status": secondary, "StartTime": now, "StatusMessage": message or MESSAGES[secondary]}
            if self.has_ended:
                self.ended = now
                entry["EndTime"] = now
            self.transitions.append(entry)

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeTrainingJob."""
        known = load_service_model("sagemaker").operation_model("DescribeTrainingJob").output_shape
        assert known is not None
        with self.lock:
            answer = {name: value for name, value in self.request.items() if name in known.members}
            if self.selected and "InstancePreferences" in answer["ResourceConfig"]:
                name, count = self.selected
                chosen = {"SelectedInstanceType": name, "SelectedInstanceCount": count}
                answer["ResourceConfig"] = answer["ResourceConfig"] | chosen
            answer |= {
                "TrainingJobArn": self.arn,
                "TrainingJobStatus": self.status,
                "SecondaryStatus": self.secondary,
                "CreationTime": self.created,
                "LastModifiedTime": self.modified,
                "SecondaryStatusTransitions": [dict(entry) for entry in self.transitions],
                "ModelArtifacts": {"S3ModelArtifacts": self.artifacts},
                "StoppingCondition": {"MaxRuntimeInSeconds": 86400, **self.request.get("StoppingCondition", {})},
                "EnableNetworkIsolation": self.request.get("EnableNetworkIsolation", False),
                "EnableManagedSpotTraining": self.spot,
                "EnableInterContainerTrafficEncryption": self.request.get(
                    "EnableInterContainerTrafficEncryption", False
                ),
            }
            # 0 seconds are an answer, but None and what is empty are not given.
            has_trained = self.started is not None and self.ended is not None
            billed = self.training_seconds * (SPOT_SHARE if self.spot else 1)
            optional = {
                "TrainingStartTime": self.started,
                "TrainingEndTime": self.ended,
                "TrainingTimeInSeconds": math.ceil(self.training_seconds) if has_trained else None,
                "BillableTimeInSeconds": max(1, math.ceil(billed)) if has_trained else None,
                "FailureReason": self.failure_reason,
                "FinalMetricDataList": [
                    {"MetricName": name, "Value": value, "Timestamp": when}
                    for name, (value, when) in self.metrics.items()
                ],
            }
            return answer | {name: value for name, value in optional.items() if value not in (None, "", [])}

    def summarize(self) -> dict[str, Any]:
        """Return the job's entry in the answer of ListTrainingJobs."""
        known = load_service_model("sagemaker").shape_for("TrainingJobSummary").members
        return {name: value for name, value in self.describe().items() if name in known}
