"""The SageMaker operations that a launcher needs, with the checks and messages of the real service."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sagemaker_rehearsal.errors import ServiceError, make_validation_error
from sagemaker_rehearsal.runner import ProcessRunner
from sagemaker_rehearsal.service import Service
from sagemaker_rehearsal.simulation import SimulatedRunner
from sagemaker_rehearsal.storage import split_uri
from sagemaker_rehearsal.training_jobs import TrainingJob

SORT_KEYS = {"CreationTime": "created", "Name": "name", "Status": "status"}


class Operations:
    """All training jobs, and the operations on them.

    Attributes:
        handlers: The operations by SageMaker's names. Each takes a request that is valid by the service model and the
            region, returns the answer, and raises ServiceError.
        quota_handlers: The same of Service Quotas.
    """

    def __init__(self, service: Service, runner: ProcessRunner | SimulatedRunner) -> None:
        """Start without jobs, which `runner` will run."""
        self._service = service
        self._runner = runner
        self._lock = threading.Lock()
        self._jobs: dict[tuple[str, str], TrainingJob] = {}
        self.handlers: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
            "CreateTrainingJob": self._create_training_job,
            "DescribeTrainingJob": lambda request, region: self._get_job(request, region).describe(),
            "ListTrainingJobs": self._list_training_jobs,
            "StopTrainingJob": self._stop_training_job,
        }
        self.quota_handlers: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
            "ListServiceQuotas": self._list_service_quotas
        }

    def list_running_jobs(self) -> list[TrainingJob]:
        """Return the jobs that have not ended."""
        self._runner.refresh()
        with self._lock:
            return [job for job in self._jobs.values() if not job.has_ended]

    def _create_training_job(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        if problem := _find_problem(request):
            raise make_validation_error(problem)
        for channel in request.get("InputDataConfig", []):
            self._check_channel(channel, request["RoleArn"], region)
        with self._lock:
            existing = self._jobs.get((region, request["TrainingJobName"]))
            if existing is not None:
                raise ServiceError(
                    "ResourceInUse",
                    "Training job names must be unique within an AWS account and region, "
                    f"and a training job with this name already exists ({existing.arn})",
                )
            job = TrainingJob(request, region, self._service.clock.get_time())
            self._check_quota(job)
            self._jobs[region, job.name] = job
        self._runner.begin(job)
        return {"TrainingJobArn": job.arn}

    def _check_channel(self, channel: dict[str, Any], role: str, region: str) -> None:
        if "FileSystemDataSource" in channel["DataSource"]:
            return
        source = channel["DataSource"].get("S3DataSource")
        if source is None or source["S3DataType"] != "S3Prefix":
            raise make_validation_error(
                f"channel {channel['ChannelName']}: the rehearsal service supports file systems and S3Prefix sources"
            )
        bucket, _ = split_uri(source["S3Uri"])
        if not self._service.storage.has_objects(source["S3Uri"]):
            raise make_validation_error(
                f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source. Please ensure that '
                f"the bucket exists in the selected region ({region}), that objects exist under that S3 prefix, and "
                f'that the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
            )

    def _check_quota(self, job: TrainingJob) -> None:
        """Refuse a job unless the quota of every type that it may run on covers it."""
        for instance_type, count in job.instance_types:
            self._check_quota_of(job, instance_type, count)

    def _check_quota_of(self, job: TrainingJob, instance_type: str, count: int) -> None:
        quota = self._service.faults.get_quota(instance_type)
        if quota is None:
            quota = self._service.options.quotas.get(instance_type)
        if quota is None:
            return
        used = sum(
            other.instance_count
            for other in self._jobs.values()
            if not other.has_ended and (other.instance_type, other.spot) == (instance_type, job.spot)
        )
        if used + count > quota:
            usage = f"{instance_type} for {'spot ' if job.spot else ''}training job usage"
            raise ServiceError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{usage}' is {quota} Instances, with current utilization of {used} "
                f"Instances and a request delta of {count} Instances. Please use AWS Service Quotas to "
                "request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to "
                "request an increase for this quota.",
            )

    def _list_service_quotas(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        """Answer ListServiceQuotas of Service Quotas: only types with a quota of the rehearsal's own are listed."""
        faults, own = self._service.faults, self._service.options.quotas
        quotas = {**own, **{name: faults.get_quota(name) for name in faults.list_quota_types()}}
        listed = [
            {
                "ServiceCode": "sagemaker",
                "QuotaName": f"{name} for {kind}training job usage",
                "Value": float(value or 0),
            }
            for name, value in quotas.items()
            for kind in ("", "spot ")
        ]
        return {"Quotas": listed if request["ServiceCode"] == "sagemaker" else []}

    def _get_job(self, request: dict[str, Any], region: str) -> TrainingJob:
        with self._lock:
            job = self._jobs.get((region, request["TrainingJobName"]))
        if job is None:
            raise make_validation_error("Requested resource not found.")
        return job

    def _stop_training_job(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        job = self._get_job(request, region)
        with job.lock:
            if job.has_ended:
                raise make_validation_error(
                    f"The request was rejected because the training job is in status {job.status}.",
                )
            if not job.stop.is_set():
                job.enter_status("Stopping", self._service.clock.get_time(), "Stopping")
                job.stop.set()
        self._runner.refresh()
        return {}

    def _list_training_jobs(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        with self._lock:
            jobs = [job for (job_region, _), job in self._jobs.items() if job_region == region]
        key = SORT_KEYS[request.get("SortBy", "CreationTime")]
        selected = [job for job in jobs if _is_selected(job, request)]
        selected.sort(
            key=lambda job: (getattr(job, key), job.name),
            reverse=request.get("SortOrder", "Descending") == "Descending",
        )
        last = request.get("NextToken")
        if last is not None:  # continue after the last job given, not by number: there may be new jobs before it
            names = [job.name for job in selected]
            if last not in names:
                raise make_validation_error("The pagination token is invalid.")
            selected = selected[names.index(last) + 1 :]
        page = selected[: request.get("MaxResults", 10)]
        answer: dict[str, Any] = {"TrainingJobSummaries": [job.summarize() for job in page]}
        if len(selected) > len(page):
            answer["NextToken"] = page[-1].name
        return answer


def _find_problem(request: dict[str, Any]) -> str | None:
    """Return the first problem that the service model does not cover. None if there is none."""
    for name in ("ResourceConfig", "StoppingCondition"):
        if name not in request:
            return f"{name} is required."
    if problem := _find_instance_problem(request["ResourceConfig"], bool(request.get("EnableManagedSpotTraining"))):
        return problem
    if not request.get("AlgorithmSpecification", {}).get("TrainingImage"):
        return "AlgorithmSpecification.TrainingImage is required."
    condition, spot = request["StoppingCondition"], request.get("EnableManagedSpotTraining")
    runtime, wait = condition.get("MaxRuntimeInSeconds", 86400), condition.get("MaxWaitTimeInSeconds")
    if spot and wait is None:
        return "MaxWaitTimeInSeconds must be present when EnableManagedSpotTraining is set to true."
    if spot and wait < runtime:
        return "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
    if not spot and wait is not None:
        return "MaxWaitTimeInSeconds can be set only when EnableManagedSpotTraining is set to true."
    channels = request.get("InputDataConfig", [])
    if any("FileSystemDataSource" in channel["DataSource"] for channel in channels) and "VpcConfig" not in request:
        return "A channel with a FileSystemDataSource needs VpcConfig."
    names = [channel["ChannelName"] for channel in channels]
    if len(names) != len(set(names)):
        return "Channel names must be unique within a training job."
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        return "OutputDataConfig.CompressionType: the rehearsal service supports only GZIP"
    return None


def _find_instance_problem(resources: dict[str, Any], spot: bool) -> str | None:
    """Return what is wrong with the instances: one type, or a list of types with one count or one per type."""
    preferences = resources.get("InstancePreferences")
    names = ("VolumeSizeInGB",) if preferences else ("InstanceType", "InstanceCount", "VolumeSizeInGB")
    for name in names:
        if resources.get(name) in (None, 0):
            return f"ResourceConfig.{name} is required and must be greater than 0."
    if not preferences:
        return None
    exclusive: list[str] = [
        name for name in ("InstanceType", "InstanceGroups", "InstancePlacementConfig") if name in resources
    ]
    if exclusive or spot:
        return f"InstancePreferences cannot be combined with {(exclusive or ['EnableManagedSpotTraining'])[0]}."
    types = [each["InstanceType"] for each in preferences]
    if len(types) != len(set(types)):
        return "An instance type can appear only once in InstancePreferences."
    counts = [each.get("InstanceCount") for each in preferences]
    if (None in counts and any(counts)) or (None not in counts) == ("InstanceCount" in resources):
        return "Set InstanceCount either in ResourceConfig or in every entry of InstancePreferences."
    return None


def _is_selected(job: TrainingJob, request: dict[str, Any]) -> bool:
    times = {"CreationTime": job.created, "LastModifiedTime": job.modified}
    return (
        request.get("NameContains", "").lower() in job.name.lower()
        and request.get("StatusEquals", job.status) == job.status
        and all(when > request.get(f"{name}After", when - 1) for name, when in times.items())
        and all(when < request.get(f"{name}Before", when + 1) for name, when in times.items())
    )
