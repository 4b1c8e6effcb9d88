"""What a launch would do, before it does it: where each member runs, in which image, and what it may cost at most."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hydra_sagemaker_launcher.aws.data_files import LocalFiles, select_data_files
from hydra_sagemaker_launcher.catalog.fallbacks import (
    find_candidate_problems,
    is_chosen_by_sagemaker,
    list_candidates,
)
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.images import Image, choose_image, find_image_problems
from hydra_sagemaker_launcher.catalog.instances import find_instance
from hydra_sagemaker_launcher.catalog.prices import (
    Price,
    compute_warm_pool_cost,
    compute_worst_case,
    look_up_prices,
    mark_rehearsal,
    resolve_price,
)
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.channels import (
    DataSource,
    find_channel_problems,
    iter_data_sources,
    parse_channel,
)
from hydra_sagemaker_launcher.request.option_rules import find_option_problems


@dataclass(frozen=True)
class Candidate:
    """One of the instance types that a job may run on, and what it costs there."""

    hardware: Hardware
    price: Price | None  # None: unknown
    worst_case: float | None  # dollars with its warm pool, None without a price
    warm_pool_usd: float = 0.0  # the most that its warm pool can cost


@dataclass(frozen=True)
class PlannedMember:
    """A member for SageMaker with all that is known of it before it starts."""

    member: Member
    image: Image
    price: Price | None  # of the preferred type. None: unknown
    worst_case: float | None  # dollars on the dearest type, with its warm pool, None if a price is unknown
    data: dict[str, DataSource]  # {channel: local file or folder, S3 URI, or file system}
    candidates: tuple[Candidate, ...] = ()  # all types, the preferred one first. Empty if there is only one
    warm_pool_usd: float = 0.0  # the most that its warm pool can cost

    @property
    def hardware(self) -> Hardware:
        """The member's hardware."""
        return self.member.job_hardware


def _build_candidate(hardware: Hardware, prices: Mapping[str, Price | None], options: Any) -> Candidate:
    price = resolve_price(hardware, prices)
    if price is not None and options.service == "rehearsal":
        price = mark_rehearsal(price)
    worst_case = compute_worst_case(hardware, price)
    warm_pool_usd = compute_warm_pool_cost(hardware, price, options.keep_alive_seconds)
    return Candidate(hardware, price, None if worst_case is None else worst_case + warm_pool_usd, warm_pool_usd)


def make_plan(
    members: Sequence[Member], options: Any, region: str, pricing: Any | None, through: Collection[int] = ()
) -> list[PlannedMember]:
    """Plan the members that run on SageMaker.

    Args:
        members: The members, each with hardware.
        options: The launcher's options.
        region: The region of the jobs.
        pricing: A boto3 client of the AWS Pricing API. If None, prices are estimates.
        through: The numbers of members that will not run again, so the budget need not cover them.

    Raises:
        LaunchError: It has everything that is wrong with the launcher's options and with each member's hardware, image,
            price and data.
    """
    problems = dict.fromkeys(find_option_problems(options))
    if any(find_channel_problems(options.channels, bool(options.subnets))):  # no member's data can be told
        raise LaunchError(list(problems))
    data: dict[int, dict[str, DataSource]] = {}
    distinct = list(dict.fromkeys(member.job_hardware for member in members))  # of hundreds of members, a few
    for hardware in distinct:
        problems.update(dict.fromkeys(_find_hardware_problems(hardware, options)))
    for member in members:
        try:
            data[member.number] = dict(iter_data_sources(member.config, options.channels))
        except LaunchError as error:
            problems.update(dict.fromkeys(error.problems))
        else:
            problems.update(dict.fromkeys(_find_data_problems(member.config, data[member.number], options)))
    if problems:
        raise LaunchError(list(problems))
    wanted = {hardware: list_candidates(hardware) for hardware in distinct}
    unpriced = {each.instance_type for all_ in wanted.values() for each in all_ if each.usd_per_hour is None}
    prices = look_up_prices(sorted(unpriced), region, pricing)
    images: dict[Hardware, Image] = {}
    for hardware in distinct:
        try:
            images[hardware] = choose_image(hardware, region)
            resolve_requirements(options, images[hardware])
        except LaunchError as error:
            images.pop(hardware, None)
            problems.update(dict.fromkeys(error.problems))
    planned = []
    for member in members:
        image = images.get(member.job_hardware)
        if image is None:
            continue
        candidates = [_build_candidate(hardware, prices, options) for hardware in wanted[member.job_hardware]]
        worst_cases = [candidate.worst_case for candidate in candidates]
        worst_case = None if None in worst_cases else max(usd for usd in worst_cases if usd is not None)
        warm_pool_usd = max(candidate.warm_pool_usd for candidate in candidates)
        several = tuple(candidates) if len(candidates) > 1 else ()
        price, channels = candidates[0].price, data[member.number]
        planned.append(PlannedMember(member, image, price, worst_case, channels, several, warm_pool_usd))
    local = (value for item in planned for value in item.data.values() if isinstance(value, Path | LocalFiles))
    for source in dict.fromkeys(local):
        try:
            select_data_files(source)
        except LaunchError as error:
            problems.update(dict.fromkeys(error.problems))
    if options.budget_usd is not None:
        to_come = [item for item in planned if item.member.number not in through]
        problems.update(dict.fromkeys(_find_budget_problems(to_come, options.budget_usd)))
    if problems:
        raise LaunchError(list(problems))
    return planned


def resolve_requirements(options: Any, image: Image) -> str | None:
    """Return the requirements file for an image, relative to the project. None if the options name none.

    Args:
        options: The launcher's options. Their `requirements` may hold {framework} (`transformers-<version>`, or
            `pytorch` if the image has no transformers), {python}, {transformers} and {torch}.
        image: The image that installs them.

    Raises:
        LaunchError: The tag of the image does not tell a version that the file's name asks for.
    """
    pattern = options.requirements
    if pattern is None:
        return None
    versions = {key: getattr(image.release, key) for key in ("framework", "python", "transformers", "torch")}
    unknown = [name for name in re.findall(r"{(\w*)}", pattern) if not versions.get(name)]
    if unknown:
        raise LaunchError(
            f"hydra.launcher.requirements={pattern}: {', '.join(unknown)} of {image.uri} is not known; "
            f"use {', '.join('{' + name + '}' for name in versions)} only if the image's tag tells them"
        )
    return str(pattern).format(**versions)


def _find_hardware_problems(hardware: Hardware, options: Any) -> Iterator[str]:
    problems = find_candidate_problems(hardware) or find_image_problems(hardware)
    yield from problems
    if hardware.spot and options.keep_alive_seconds:
        yield "hydra.launcher.keep_alive_seconds: SageMaker keeps no warm pool of spot instances; choose one of them"
    if options.kms_key and not problems and is_chosen_by_sagemaker(hardware):
        instances = [find_instance(candidate.instance_type) for candidate in list_candidates(hardware)]
        if len({instance is not None and instance.own_disks for instance in instances}) > 1:
            yield (
                "hardware.fallbacks: some of the types train on disks of their own, which take no "
                "hydra.launcher.kms_key, and others on volumes, which do; choose types of one kind"
            )


def _find_data_problems(config: DictConfig, data: dict[str, DataSource], options: Any) -> Iterator[str]:
    for channel, value in data.items():
        described = parse_channel(options.channels[channel])
        for path in value.paths if isinstance(value, LocalFiles) else (value,):
            if isinstance(path, Path) and not path.exists():
                yield f"{described.key}={path}: there is no such file or folder"
        if isinstance(value, LocalFiles) and described.get_mode(options.input_mode) == "Pipe":
            yield (
                f"{described.key}: names several files, and a pipe is one; set mode: File for "
                f"hydra.launcher.channels.{channel}"
            )
    for channel, entry in options.channels.items() if options.network_isolation else ():
        key = parse_channel(entry).key
        named = None if key is None else OmegaConf.select(config, key)
        if named and channel not in data:
            yield (
                f"{key}={named}: cannot be fetched by the container (network_isolation); give a local folder or "
                "s3://..."
            )


def _find_budget_problems(planned: Sequence[PlannedMember], budget: float) -> Iterator[str]:
    for item in planned:
        hardware, name = item.hardware, item.hardware.instance_type
        if item.worst_case is None:
            unknown = [each.hardware.instance_type for each in item.candidates if each.price is None] or [name]
            way_out = "remove it from hardware.fallbacks" if unknown[0] != name else "give hardware.usd_per_hour"
            yield f"hydra.launcher.budget_usd={budget:g}: no price is known for {unknown[0]}; {way_out}"
        elif item.worst_case > budget:
            dearest = (
                max(item.candidates, key=lambda each: each.worst_case or 0.0).hardware if item.candidates else hardware
            )
            yield (
                f"hydra.launcher.budget_usd={budget:g}: #{item.member.number} alone may cost ${item.worst_case:.2f} "
                f"({dearest.instance_count} x {dearest.instance_type} for hardware.max_hours={hardware.max_hours:g}); "
                "lower hardware.max_hours, or raise the budget"
            )
