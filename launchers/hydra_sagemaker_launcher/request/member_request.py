"""The request of a planned member: for real, and before anything is uploaded, to see what would be refused of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.session import REHEARSAL_ROLE
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.request.plan import PlannedMember, collect_environment, resolve_requirements
from hydra_sagemaker_launcher.request.training_job import (
    DIRECTORY_VARIABLE,
    MEMBER_VARIABLE,
    REQUIREMENTS_VARIABLE,
    SWEEP_VARIABLE,
    JobSpec,
    build_training_job_request,
    make_job_name,
)

_SWEEP = "0000-0000000000"


def build_member_request(
    item: PlannedMember,
    options: Any,
    sweep_dir: Path,
    name: str,
    sweep_id: str,
    role: str,
    region: str,
    channels: dict[str, str],
    place: str,
) -> dict[str, Any]:
    """The request of one member, whose own objects stand under the S3 URI `place`.

    Raises LaunchError as `training_job_request` does.
    """
    member = item.member
    assert member.hardware is not None
    environment = collect_environment(options) | {
        SWEEP_VARIABLE: sweep_id,
        MEMBER_VARIABLE: str(member.number),
        DIRECTORY_VARIABLE: "/".join(sweep_dir.parts[-2:])[-256:],  # <date>/<time>, to be recognised by
    }
    if (requirements := resolve_requirements(options, item.image)) is not None:
        environment[REQUIREMENTS_VARIABLE] = requirements
    job = JobSpec(
        name=name,
        hardware=member.hardware,
        image=item.image,
        role=role,
        region=region,
        channels=channels,
        output=f"{place}/output",
        checkpoints=f"{place}/checkpoints" if options.checkpoints else None,
        environment=environment,
        tags={**options.tags, "hydra-sweep": sweep_id, "hydra-member": str(member.number)},
    )
    return build_training_job_request(job, options)


def find_request_problems(
    planned: Sequence[PlannedMember], options: Any, sweep_dir: Path, region: str
) -> Iterator[str]:
    """What is wrong with the requests, a line each; placeholders stand for what is not made or uploaded yet.

    Of members that differ in nothing but their config one is looked at.
    """
    role = options.role_arn or os.environ.get("SAGEMAKER_ROLE_ARN") or REHEARSAL_ROLE
    root = f"s3://{options.bucket or 'sagemaker-bucket'}/{options.prefix}"
    distinct = {(item.member.hardware, item.image, tuple(item.data.items())): item for item in reversed(planned)}
    for item in distinct.values():
        uris = {key: at if isinstance(at, str) else f"{root}/data/{'0' * 64}/" for key, at in item.data.items()}
        channels = {"code": f"{root}/code/", "member": f"{root}/member/", **uris}
        name = make_job_name(options.job_name, _SWEEP, item.member.number, 1, [])
        place = f"{root}/{_SWEEP}/{item.member.number}"
        try:
            build_member_request(item, options, sweep_dir, name, _SWEEP, role, region, channels, place)
        except LaunchError as error:
            yield from error.problems
