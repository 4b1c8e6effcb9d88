"""The request of a planned member: the real one, and a trial that shows what SageMaker would refuse of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.session import REHEARSAL_ROLE
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.request.plan import PlannedMember, resolve_requirements
from hydra_sagemaker_launcher.request.training_job import (
    DIRECTORY_VARIABLE,
    MEMBER_VARIABLE,
    REQUIREMENTS_VARIABLE,
    SWEEP_VARIABLE,
    JobSpec,
    build_training_job_request,
    make_job_name,
)

_TRIAL_SWEEP = "0000-0000000000"


def build_member_request(
    item: PlannedMember,
    options: Any,
    sweep_dir: Path,
    name: str,
    sweep_id: str,
    role: str,
    region: str,
    channels: dict[str, str],
    prefix: str,
) -> dict[str, Any]:
    """Build the CreateTrainingJob request of one member.

    Args:
        item: The member as it is planned.
        options: The launcher's options.
        sweep_dir: The sweep's directory on this machine. The job only carries its name, to be recognised by.
        name: The job's name.
        sweep_id: The sweep's id.
        role: The ARN of the role that the job takes on.
        region: The job's region.
        channels: {channel: S3 URI}.
        prefix: The S3 URI below which the member's own objects are.

    Raises:
        LaunchError: The request holds a secret, or what SageMaker does not allow.
    """
    number = str(item.member.number)
    environment = collect_environment(options) | {
        SWEEP_VARIABLE: sweep_id,
        MEMBER_VARIABLE: number,
        DIRECTORY_VARIABLE: "/".join(sweep_dir.parts[-2:])[-256:],  # <date>/<time>
    }
    if (requirements := resolve_requirements(options, item.image)) is not None:
        environment[REQUIREMENTS_VARIABLE] = requirements
    job = JobSpec(
        name=name,
        hardware=item.hardware,
        image=item.image,
        role=role,
        region=region,
        channels=channels,
        output=f"{prefix}/output",
        checkpoints=f"{prefix}/checkpoints" if options.checkpoints else None,
        environment=environment,
        tags={**options.tags, "hydra-sweep": sweep_id, "hydra-member": number},
    )
    return build_training_job_request(job, options)


def collect_environment(options: Any) -> dict[str, str]:
    """Return those of the environment variables to pass on that are set here."""
    return {name: os.environ[name] for name in options.environment if name in os.environ}


def find_request_problems(
    planned: Sequence[PlannedMember], options: Any, sweep_dir: Path, region: str
) -> Iterator[str]:
    """Yield a line for everything that is wrong with the requests, before anything is created or uploaded.

    Placeholders stand for what does not exist yet. Of members that differ only in their config one is tried.

    Args:
        planned: The members as they are planned.
        options: The launcher's options.
        sweep_dir: The sweep's directory on this machine.
        region: The region of the jobs.
    """
    role = options.role_arn or os.environ.get("SAGEMAKER_ROLE_ARN") or REHEARSAL_ROLE
    root = f"s3://{options.bucket or 'sagemaker-bucket'}/{options.prefix}"
    distinct = {(item.hardware, item.image, tuple(item.data.items())): item for item in reversed(planned)}
    for item in distinct.values():
        uris = {key: uri if isinstance(uri, str) else f"{root}/data/{'0' * 64}/" for key, uri in item.data.items()}
        channels = {"code": f"{root}/code/", "member": f"{root}/member/", **uris}
        name = make_job_name(options.job_name, _TRIAL_SWEEP, item.member.number, 1, [])
        prefix = f"{root}/{_TRIAL_SWEEP}/{item.member.number}"
        try:
            build_member_request(item, options, sweep_dir, name, _TRIAL_SWEEP, role, region, channels, prefix)
        except LaunchError as error:
            yield from error.problems
