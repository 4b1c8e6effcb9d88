"""One member as a CreateTrainingJob request, through sagemaker-core's typed shapes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hydra_sagemaker_launcher.catalog.hardware import Hardware, find_instance
from hydra_sagemaker_launcher.catalog.images import Image
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.request.overlay import merge_overlay
from hydra_sagemaker_launcher.secret_scan import find_secrets, is_secret_name

PROGRAM = "sagemaker_member.py"
ARCHIVE = "sourcedir.tar.gz"
SWEEP_VARIABLE = "SAGEMAKER_SWEEP_ID"
MEMBER_VARIABLE = "SAGEMAKER_MEMBER"
DIRECTORY_VARIABLE = "SAGEMAKER_SWEEP_DIR"
REQUIREMENTS_VARIABLE = "SAGEMAKER_MEMBER_REQUIREMENTS"
_NAME_LENGTH = 63  # [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}
_UNNAMED = re.compile(r"[^A-Za-z0-9]+")
# sagemaker_*: what the toolkit of the image, which starts the program, wants to know; each value is JSON.
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
    """All that a request is made of. `channels` maps names to S3 URIs; `output` and `checkpoints` are S3 URIs."""

    name: str
    hardware: Hardware
    image: Image
    role: str
    region: str
    channels: dict[str, str]
    output: str
    checkpoints: str | None
    environment: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def make_job_name(prefix: str, sweep_id: str, number: int, attempt: int, overrides: list[str]) -> str:
    """A readable name of at most 63 characters, the same again for the same attempt of a member.

    E.g. `train-berturk-p3-1124-0a1b2c3d4e-5`, and `...-5-r2` for the second attempt: sweep id and number are always
    whole, the values of `overrides`, which tell the members apart, are what is shortened.
    """
    words = [override.partition("=")[2].rpartition("/")[2][:20] for override in overrides]
    end = f"-{sweep_id}-{number}" + (f"-r{attempt}" if attempt > 1 else "")
    start = _UNNAMED.sub("-", "-".join([prefix, *words])).strip("-") or "job"
    return start[: _NAME_LENGTH - len(end)].rstrip("-") + end


def build_training_job_request(job: JobSpec, options: Any) -> dict[str, Any]:
    """The request, with `options.request` laid over it.

    Raises LaunchError with everything in it that looks like a secret, or that SageMaker's own service model does not
    allow.
    """
    from sagemaker.core import shapes
    from sagemaker.core.utils.utils import serialize

    hardware = job.hardware
    seconds = math.ceil(hardware.max_hours * 3600)
    hyperparameters = {
        "sagemaker_program": PROGRAM,
        "sagemaker_submit_directory": f"/opt/ml/input/data/code/{ARCHIVE}",
        "sagemaker_region": job.region,
        "sagemaker_container_log_level": 20,
        "sagemaker_instance_type": hardware.instance_type,
        **_DISTRIBUTION[hardware.distribution],
    }
    typed: dict[str, Any] = {
        "TrainingJobName": job.name,
        "RoleArn": job.role,
        "AlgorithmSpecification": shapes.AlgorithmSpecification(
            training_image=job.image.uri, training_input_mode=options.input_mode
        ),
        "HyperParameters": {key: json.dumps(value) for key, value in hyperparameters.items()},
        "InputDataConfig": [
            shapes.Channel(
                channel_name=name,
                # The archive and the config are opened before the first line of the script: copied, never streamed.
                input_mode="File" if name in ("code", "member") else options.input_mode,
                data_source=shapes.DataSource(
                    s3_data_source=shapes.S3DataSource(
                        s3_data_type="S3Prefix", s3_uri=uri, s3_data_distribution_type="FullyReplicated"
                    )
                ),
            )
            for name, uri in job.channels.items()
        ],
        "OutputDataConfig": shapes.OutputDataConfig(s3_output_path=job.output, **_get_kms_key(options, "kms_key_id")),
        "ResourceConfig": shapes.ResourceConfig(
            instance_type=hardware.instance_type,
            instance_count=hardware.instance_count,
            volume_size_in_gb=hardware.volume_gb,
            **({"keep_alive_period_in_seconds": options.keep_alive_seconds} if options.keep_alive_seconds else {}),
            # Instances that train on disks of their own encrypt those themselves and refuse a key.
            **({} if _has_own_disks(hardware) else _get_kms_key(options, "volume_kms_key_id")),
        ),
        "StoppingCondition": shapes.StoppingCondition(
            max_runtime_in_seconds=seconds,
            **(
                {"max_wait_time_in_seconds": max(seconds, math.ceil(options.spot_max_wait_hours * 3600))}
                if hardware.spot
                else {}
            ),
        ),
        "EnableManagedSpotTraining": hardware.spot,
        "EnableNetworkIsolation": options.network_isolation,
        "EnableInterContainerTrafficEncryption": options.encrypt_traffic,
        "ProfilerConfig": shapes.ProfilerConfig(disable_profiler=True),
        "Environment": job.environment,
        "Tags": [{"Key": key, "Value": value} for key, value in job.tags.items()],
    }
    if job.checkpoints:
        typed["CheckpointConfig"] = shapes.CheckpointConfig(s3_uri=job.checkpoints)
    if options.retry_attempts:
        typed["RetryStrategy"] = shapes.RetryStrategy(maximum_retry_attempts=options.retry_attempts)
    if options.subnets:
        typed["VpcConfig"] = shapes.VpcConfig(
            subnets=list(options.subnets), security_group_ids=list(options.security_group_ids)
        )
    request: dict[str, Any] = merge_overlay(serialize(typed), options.request)
    problems = list(_find_secret_problems(request)) or _find_shape_violations(request)  # the latter shows values
    if problems:
        raise LaunchError(problems)
    return request


def _get_kms_key(options: Any, name: str) -> dict[str, str]:
    return {name: options.kms_key} if options.kms_key else {}


def _has_own_disks(hardware: Hardware) -> bool:
    instance = find_instance(hardware.instance_type)
    return instance is not None and instance.nvme


def _find_secret_problems(request: dict[str, Any]) -> Iterator[str]:
    """A line for each name or value that looks like a secret; never the secret itself."""
    instead = "whoever may describe the job can read it; put the value into Secrets Manager and its ARN into "
    for path, value in _iter_leaves(request, ()):
        shown = ".".join(part for part in path if not any(find_secrets("", part.encode("utf-8", "replace"))))
        kind = next(
            (
                kind
                for _, kind in find_secrets("", f"{path[-1]}: {value}".replace("\0", " ").encode("utf-8", "replace"))
            ),
            None,
        )
        if kind is None and path[0] == "Environment" and is_secret_name(path[-1]):
            kind = "a secret, by its name"
        if kind is not None:
            yield f"CreateTrainingJob: {shown} holds what looks like {kind}; {instead}hydra.launcher.secrets"


def _iter_leaves(value: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that holds no others, with the keys that lead to it."""
    if not isinstance(value, dict | list):
        yield above, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _iter_leaves(item, (*above, str(key)))


def _find_shape_violations(request: dict[str, Any]) -> list[str]:
    """What SageMaker would refuse by its own service model, a line each: types, unknown and missing keys, lengths,
    patterns and the allowed values, which botocore itself does not check."""
    from botocore.validate import ParamValidator

    shape = _load_request_shape()
    report = ParamValidator().validate(request, shape)
    found = [" ".join(line.split()) for line in report.generate_report().splitlines()] if report.has_errors() else []
    return [f"CreateTrainingJob: {line}" for line in found or list(_find_constraint_violations(request, shape, ""))]


@cache  # the model is megabytes of JSON: read once a sweep, not once a member
def _load_request_shape() -> Any:
    """CreateTrainingJob's input in SageMaker's service model."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    return model.operation_model("CreateTrainingJob").input_shape


def _find_constraint_violations(value: Any, shape: Any, where: str) -> Any:
    """Lines for the values that an enumeration, a pattern or a length of the service model excludes."""
    kind = shape.type_name
    if kind == "structure":
        for key, item in value.items():
            yield from _find_constraint_violations(item, shape.members[key], f"{where}.{key}".lstrip("."))
    elif kind == "list":
        yield from _check_length(len(value), shape, where)
        for number, item in enumerate(value):
            yield from _find_constraint_violations(item, shape.member, f"{where}[{number}]")
    elif kind == "map":
        yield from _check_length(len(value), shape, where)
        for key, item in value.items():
            yield from _find_constraint_violations(key, shape.key, f"{where} (key {key})")
            yield from _find_constraint_violations(item, shape.value, f"{where}.{key}")
    elif kind in ("integer", "long", "float", "double"):
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if (low is not None and value < low) or (high is not None and value > high):
            yield f"{where}={value}: SageMaker takes {low or 0} {'or more' if high is None else f'to {high}'}"
    elif kind == "string":
        yield from _check_length(len(value), shape, where)
        if shape.enum and value not in shape.enum:
            yield f"{where}={value}: SageMaker does not know this value"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(_translate_pattern(pattern), value, re.DOTALL):
            yield f"{where}={value}: not of the form that SageMaker takes ({pattern})"


def _translate_pattern(pattern: str) -> str:
    """A pattern of the service model, whose Unicode classes Python writes otherwise."""
    for theirs, ours in {r"\p{L}": r"\w", r"\p{Z}": r"\s", r"\p{N}": r"\d"}.items():
        pattern = pattern.replace(theirs, ours)
    return pattern


def _check_length(length: int, shape: Any, where: str) -> Any:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and length < low) or (high is not None and length > high):
        yield f"{where}: {length} long; SageMaker takes {low or 0} to {high}"
