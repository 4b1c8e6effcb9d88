"""One member as a CreateTrainingJob request, and a trial that shows what SageMaker would refuse of it."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.data_files import LocalFiles
from hydra_sagemaker_launcher.aws.roles import REHEARSAL_ROLE, build_role_arn, find_role
from hydra_sagemaker_launcher.catalog.fallbacks import (
    has_own_counts,
    is_chosen_by_sagemaker,
    is_pending_limited_by_sagemaker,
    list_candidates,
)
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.images import Image
from hydra_sagemaker_launcher.catalog.instances import find_instance
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.request.api_rules import find_violations
from hydra_sagemaker_launcher.request.channels import OWN_CHANNELS, FileSystem, build_channel, parse_channel
from hydra_sagemaker_launcher.request.overlay import merge_overlay
from hydra_sagemaker_launcher.request.plan import PlannedMember, resolve_requirements
from hydra_sagemaker_launcher.request.secrets import find_secrets_in_request

PROGRAM = "sagemaker_member.py"
ARCHIVE = "sourcedir.tar.gz"
SWEEP_VARIABLE = "SAGEMAKER_SWEEP_ID"
MEMBER_VARIABLE = "SAGEMAKER_MEMBER"
DIRECTORY_VARIABLE = "SAGEMAKER_SWEEP_DIR"
REQUIREMENTS_VARIABLE = "SAGEMAKER_MEMBER_REQUIREMENTS"
_TRIAL_SWEEP = "0000-0000000000"
_NAME_LENGTH = 63  # [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")
# sagemaker_*: settings of the image's toolkit, which starts the program. Each value is JSON.
_DISTRIBUTION: dict[str, dict[str, Any]] = {
    "none": {},
    "torchrun": {"sagemaker_torch_distributed_enabled": True},
    "smdistributed": {
        "sagemaker_distributed_dataparallel_enabled": True,
        "sagemaker_distributed_dataparallel_custom_mpi_options": "",
    },
}


@dataclass(frozen=True)
class JobSpec:
    """What a request is made of, besides the launcher's options."""

    hardware: Hardware
    image: Image
    number: int  # the member's
    name: str
    sweep_id: str
    sweep_dir: Path  # on this machine: the job only carries its name, to be recognized by
    role: str  # the ARN of the role that the job takes on
    region: str
    channels: dict[str, str | FileSystem]  # {channel: S3 URI or file system}
    prefix: str  # the S3 URI below which the member's own objects are


def collect_environment(options: Any) -> dict[str, str]:
    """Return those of the environment variables to pass on that are set here."""
    return {name: os.environ[name] for name in options.environment if name in os.environ}


def make_job_name(prefix: str, sweep_id: str, number: int, attempt: int, overrides: list[str]) -> str:
    """Make a readable name of at most 63 characters, always the same for one attempt of a member.

    An example is `train-berturk-p3-1124-0a1b2c3d4e-5`, and `...-5-r2` for the second attempt.

    Args:
        prefix: How the name begins.
        sweep_id: The sweep's id. Like the number, it is never shortened.
        number: The member's number.
        attempt: Counts from 1.
        overrides: The overrides that tell the member from the others. Their values are shortened to fit.
    """
    words = [override.partition("=")[2].rpartition("/")[2][:20] for override in overrides]
    end = f"-{sweep_id}-{number}" + (f"-r{attempt}" if attempt > 1 else "")
    start = _NOT_IN_NAMES.sub("-", "-".join([prefix, *words])).strip("-") or "job"
    return start[: _NAME_LENGTH - len(end)].rstrip("-") + end


def build_training_job_request(job: JobSpec, options: Any) -> dict[str, Any]:
    """Build the parameters of CreateTrainingJob, with `options.request` laid over them.

    Args:
        job: The member's job.
        options: The launcher's options.

    Returns:
        What boto3's `create_training_job` takes.

    Raises:
        LaunchError: Something in the request looks like a secret, or SageMaker's service model does not allow it. It
            has a line for each.
    """
    request: dict[str, Any] = merge_overlay(_build_base_request(job, options), options.request)
    problems = list(find_secrets_in_request(request)) or find_violations(request)  # the latter shows values
    if problems:
        raise LaunchError(problems)
    return request


def _build_base_request(job: JobSpec, options: Any) -> dict[str, Any]:
    hardware, number = job.hardware, str(job.number)
    environment = collect_environment(options) | {
        SWEEP_VARIABLE: job.sweep_id,
        MEMBER_VARIABLE: number,
        DIRECTORY_VARIABLE: "/".join(job.sweep_dir.parts[-2:])[-256:],  # <date>/<time>
    }
    if (requirements := resolve_requirements(options, job.image)) is not None:
        environment[REQUIREMENTS_VARIABLE] = requirements
    tags = {**options.tags, "hydra-sweep": job.sweep_id, "hydra-member": number}
    hyperparameters = {
        "sagemaker_program": PROGRAM,
        "sagemaker_submit_directory": f"/opt/ml/input/data/code/{ARCHIVE}",
        "sagemaker_region": job.region,
        "sagemaker_container_log_level": 20,
        **_DISTRIBUTION[hardware.distribution],
    }
    if not is_chosen_by_sagemaker(hardware):
        hyperparameters["sagemaker_instance_type"] = hardware.instance_type
    request: dict[str, Any] = {
        "TrainingJobName": job.name,
        "RoleArn": job.role,
        "AlgorithmSpecification": {"TrainingImage": job.image.uri, "TrainingInputMode": options.input_mode},
        "HyperParameters": {key: json.dumps(value) for key, value in hyperparameters.items()},
        "InputDataConfig": [
            build_channel(name, source, _get_mode(name, options)) for name, source in job.channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"{job.prefix}/output"},
        "ResourceConfig": {**_build_instances(hardware), "VolumeSizeInGB": hardware.volume_gb},
        "StoppingCondition": {"MaxRuntimeInSeconds": math.ceil(hardware.max_hours * 3600)},
        "EnableManagedSpotTraining": hardware.spot,
        "EnableNetworkIsolation": options.network_isolation,
        "EnableInterContainerTrafficEncryption": options.encrypt_traffic,
        "ProfilerConfig": {"DisableProfiler": True},
        "Environment": environment,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if options.kms_key:
        request["OutputDataConfig"]["KmsKeyId"] = options.kms_key
        instance = find_instance(hardware.instance_type)
        # Instances that train on disks of their own encrypt those themselves and refuse a key.
        if instance is None or not instance.own_disks:
            request["ResourceConfig"]["VolumeKmsKeyId"] = options.kms_key
    if options.keep_alive_seconds:
        request["ResourceConfig"]["KeepAlivePeriodInSeconds"] = options.keep_alive_seconds
    if hardware.spot:
        wait_seconds = math.ceil(max(hardware.max_hours, options.spot_max_wait_hours) * 3600)
        request["StoppingCondition"]["MaxWaitTimeInSeconds"] = wait_seconds
    if hardware.max_pending_minutes is not None and is_pending_limited_by_sagemaker(hardware):
        request["StoppingCondition"]["MaxPendingTimeInSeconds"] = hardware.max_pending_minutes * 60
    if options.checkpoints:
        request["CheckpointConfig"] = {"S3Uri": f"{job.prefix}/checkpoints"}
    if options.retry_attempts:
        request["RetryStrategy"] = {"MaximumRetryAttempts": options.retry_attempts}
    if options.subnets:
        request["VpcConfig"] = {
            "Subnets": list(options.subnets),
            "SecurityGroupIds": list(options.security_group_ids),
        }
    return request


def _get_mode(channel: str, options: Any) -> str:
    if channel in OWN_CHANNELS:  # the program opens the archive and the config before its first line
        return "File"
    entry = options.channels.get(channel)
    return str(options.input_mode) if entry is None else parse_channel(entry).get_mode(options.input_mode)


def _build_instances(hardware: Hardware) -> dict[str, Any]:
    """Build the part of ResourceConfig that says on which instances the job runs, with one count or one per type."""
    if not is_chosen_by_sagemaker(hardware):
        return {"InstanceType": hardware.instance_type, "InstanceCount": hardware.instance_count}
    candidates = list_candidates(hardware)
    if has_own_counts(candidates):
        preferences = [
            {"InstanceType": each.instance_type, "InstanceCount": each.instance_count} for each in candidates
        ]
        return {"InstancePreferences": preferences}
    preferences = [{"InstanceType": each.instance_type} for each in candidates]
    return {"InstanceCount": hardware.instance_count, "InstancePreferences": preferences}


def find_request_problems(
    planned: Sequence[PlannedMember], options: Any, sweep_dir: Path, region: str
) -> Iterator[str]:
    """Yield a line for everything that is wrong with the requests, before anything is created or uploaded.

    Of members that differ only in their config one is tried.

    Args:
        planned: The members as they are planned.
        options: The launcher's options.
        sweep_dir: The sweep's directory on this machine.
        region: The region of the jobs.
    """
    distinct = {(item.hardware, item.image, tuple(item.data.items())): item for item in reversed(planned)}
    for item in distinct.values():
        try:
            build_trial_request(item, options, sweep_dir, region)
        except LaunchError as error:
            yield from error.problems


def build_trial_request(item: PlannedMember, options: Any, sweep_dir: Path, region: str) -> dict[str, Any]:
    """Build the request of a planned member, with placeholders for what does not exist yet.

    Raises:
        LaunchError: As `build_training_job_request` does.
    """
    role = build_role_arn(find_role(options, None) or REHEARSAL_ROLE)
    root = f"s3://{options.bucket or 'sagemaker-bucket'}/{options.prefix}"
    channels: dict[str, str | FileSystem] = {"code": f"{root}/code/", "member": f"{root}/member/"}
    for key, source in item.data.items():
        channels[key] = f"{root}/data/{'0' * 64}/" if isinstance(source, Path | LocalFiles) else source
    number = item.member.number
    name = make_job_name(options.job_name, _TRIAL_SWEEP, number, 1, [])
    prefix = f"{root}/{_TRIAL_SWEEP}/{number}"
    spec = JobSpec(item.hardware, item.image, number, name, _TRIAL_SWEEP, sweep_dir, role, region, channels, prefix)
    return build_training_job_request(spec, options)
