"""What a launch would do, before it does it: where each member runs, in which image, and what it may cost at most."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from hydra_sagemaker_launcher.aws import s3
from hydra_sagemaker_launcher.catalog import hardware as hardware_catalog
from hydra_sagemaker_launcher.catalog import images as image_catalog
from hydra_sagemaker_launcher.catalog import prices as price_catalog
from hydra_sagemaker_launcher.catalog.images import Image
from hydra_sagemaker_launcher.catalog.prices import Price
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.member import Member, find_distinct_overrides
from hydra_sagemaker_launcher.request import overlay as overlay_module
from hydra_sagemaker_launcher.secret_scan import is_secret_name

if TYPE_CHECKING:
    from rich.table import Table

_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_CHANNEL = re.compile(r"[A-Za-z0-9_]{1,64}")
_LEAST = {
    "max_parallel": 1,
    "submit_interval": 0,
    "poll_interval": 0.1,
    "spot_max_wait_hours": 0,
    "keep_alive_seconds": 0,
    "budget_usd": 0,
}
_TAKEN = ("code", "member")  # channels of the launcher's own


@dataclass(frozen=True)
class PlannedMember:
    """A member for SageMaker with all that is known of it before it starts; dollars, None where no price is known."""

    member: Member
    image: Image
    price: Price | None
    worst_case: float | None
    data: dict[str, Path | str]  # channel -> a local file or folder, or an S3 URI


def make_plan(
    members: Sequence[Member], options: Any, region: str, pricing: Any | None, through: Collection[int] = ()
) -> list[PlannedMember]:
    """The plan of the members that run on SageMaker; those whose number is in `through` will not run again.

    Raises LaunchError with everything that can be known to be wrong: of the launcher's options, and of each member's
    hardware, image, price and data.
    """
    problems = dict.fromkeys(_find_option_problems(options))
    for member in members:
        problems.update(dict.fromkeys(_find_member_problems(member, options)))
    if problems:
        raise LaunchError(list(problems))
    asked = {m.hardware.instance_type for m in members if m.hardware and m.hardware.usd_per_hour is None}
    prices = price_catalog.look_up_prices(sorted(asked), region, pricing)
    planned = []
    for member in members:
        assert member.hardware is not None
        try:
            image = image_catalog.choose_image(member.hardware, region)
            resolve_requirements(options, image)
        except LaunchError as error:
            problems.update(dict.fromkeys(error.problems))
            continue
        price = price_catalog.resolve_price(member.hardware, prices)
        worst = price_catalog.compute_worst_case(member.hardware, price)
        planned.append(PlannedMember(member, image, price, worst, dict(_resolve_data_sources(member, options))))
    for path in dict.fromkeys(value for item in planned for value in item.data.values() if isinstance(value, Path)):
        try:
            s3.select_data_files(path)
        except LaunchError as error:
            problems.update(dict.fromkeys(error.problems))
    to_come = [item for item in planned if item.member.number not in through]
    problems.update(dict.fromkeys(_find_budget_problems(to_come, options.budget_usd)))
    if problems:
        raise LaunchError(list(problems))
    return planned


def resolve_requirements(options: Any, image: Image) -> str | None:
    """The requirements file, relative to the project, for an image. Raises LaunchError where there is none."""
    pattern = options.requirements
    if pattern is None:
        return None
    fields = {"python": image.python, "transformers": image.transformers, "torch": image.torch}
    unknown = [name for name in re.findall(r"{(\w*)}", pattern) if not fields.get(name)]
    if unknown:
        raise LaunchError(
            f"hydra.launcher.requirements={pattern}: {', '.join(unknown)} of {image.uri} is not known; "
            f"it may hold {', '.join('{' + name + '}' for name in fields)} where the image's tag tells them"
        )
    return str(pattern).format(**fields)


def build_plan_table(local: Sequence[Member], planned: Sequence[PlannedMember], through: Mapping[int, str]) -> Table:
    """The plan as a table: one row a member, and the total of the worst cases.

    Those in `through` ({number: status}) will not run again: the status stands in place of what they may cost.
    """
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title="What would be submitted", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    for name in ("member", "instances", "image"):
        table.add_column(name, overflow="fold")
    for name in ("$/h", "max h", "max $"):
        table.add_column(name, justify="right")
    words = find_distinct_overrides([*local, *(item.member for item in planned)])
    rows: dict[int, tuple[str, ...]] = {
        member.number: (" ".join(words[member.number]), "this machine", "", "", "", through.get(member.number, ""))
        for member in local
    }
    for item in planned:
        hardware = item.member.hardware
        assert hardware is not None
        spot = " spot" if hardware.spot else ""
        distribution = "" if hardware.distribution == "none" else f" {hardware.distribution}"
        rows[item.member.number] = (
            " ".join(words[item.member.number]),
            f"{hardware.instance_count} x {hardware.instance_type}{distribution}{spot}",
            item.image.name,
            "?" if item.price is None else f"{item.price.usd_per_hour:.4g}" + ("*" if item.price.estimate else ""),
            f"{hardware.max_hours:g}",
            through.get(item.member.number) or ("?" if item.worst_case is None else f"{item.worst_case:.2f}"),
        )
    for number in sorted(rows):
        table.add_row(str(number), *rows[number])
    to_come = [item for item in planned if item.member.number not in through]
    known = [item.worst_case for item in to_come if item.worst_case is not None]
    table.add_section()
    table.add_row("", f"{len(to_come)} jobs, at most", "", "", "", "", f"{sum(known):.2f}")
    notes = ["max $: if every job runs until hardware.max_hours stops it."]
    notes += dict.fromkeys(f"{item.image.name}: {item.image.uri}" for item in planned)
    if any(item.price is not None and item.price.estimate for item in planned):
        notes.append(f"* an estimate: {price_catalog.TABLE}, us-east-1; the AWS Pricing API could not be asked.")
    hardware_used = [item.member.hardware for item in planned if item.member.hardware]
    notes += dict.fromkeys(line for hardware in hardware_used for line in hardware_catalog.list_assumptions(hardware))
    table.caption = "\n".join(notes)
    table.caption_justify = "left"
    return table


def collect_environment(options: Any) -> dict[str, str]:
    """The environment variables that travel: those of the list that are set here."""
    return {name: os.environ[name] for name in options.environment if name in os.environ}


def _find_option_problems(options: Any) -> Iterator[str]:
    yield from s3.find_storage_problems(options.bucket, options.prefix)
    yield from overlay_module.find_overlay_problems(options.request)
    for key, allowed in {"on_interrupt": ("stop", "detach"), "input_mode": ("File", "FastFile")}.items():
        if getattr(options, key) not in allowed:
            yield f"hydra.launcher.{key}={getattr(options, key)}: choose {' or '.join(allowed)}"
    for key, least in _LEAST.items():
        if getattr(options, key) is not None and not getattr(options, key) >= least:
            yield f"hydra.launcher.{key}={getattr(options, key)}: choose {least} or more"
    if not 0 <= options.retry_attempts <= 30:
        yield f"hydra.launcher.retry_attempts={options.retry_attempts}: choose 0 ... 30"
    if not options.wait and (options.max_parallel is not None or options.budget_usd is not None):
        yield (
            "hydra.launcher.wait=false: submits all jobs and leaves, so nobody holds to max_parallel or budget_usd; "
            "take them away, or wait"
        )
    for name in options.environment:
        if not _VARIABLE.fullmatch(name):
            yield f"hydra.launcher.environment: {name!r} is no name of a variable"
        elif is_secret_name(name):
            yield (
                f"hydra.launcher.environment: {name} sounds like a secret, and the environment of a job can be read by "
                "whoever may describe it; put the value into Secrets Manager and its ARN into hydra.launcher.secrets"
            )
    for name, arn in options.secrets.items():
        if not _VARIABLE.fullmatch(name):
            yield f"hydra.launcher.secrets: {name!r} is no name of a variable"
        if not _ARN.fullmatch(str(arn)):
            yield f"hydra.launcher.secrets.{name}: give an ARN (arn:aws:secretsmanager:...), never the secret itself"
    if bool(options.subnets) != bool(options.security_group_ids):
        yield "hydra.launcher.subnets, security_group_ids: a VPC needs both; give the other, too"
    if options.network_isolation:
        for key in ("requirements", "secrets"):
            if getattr(options, key):
                nothing = "null" if key == "requirements" else "{}"
                yield (
                    "hydra.launcher.network_isolation=true: nothing can be fetched from inside; set "
                    f"hydra.launcher.{key}={nothing} and use an image that holds all"
                )
    taken = {name.upper(): name for name in _TAKEN}  # the job finds a channel by SM_CHANNEL_<NAME>
    for name in options.channels:
        if not _CHANNEL.fullmatch(name):
            yield f"hydra.launcher.channels.{name}: choose another name, of letters, digits and _"
        elif (other := taken.setdefault(name.upper(), name)) != name or name in _TAKEN:
            yield (
                f"hydra.launcher.channels.{name}: its SM_CHANNEL_{name.upper()} would be that of the channel {other}; "
                "choose another name"
            )


def _find_member_problems(member: Member, options: Any) -> Iterator[str]:
    assert member.hardware is not None
    found = hardware_catalog.find_hardware_problems(member.hardware)
    yield from found or image_catalog.find_image_problems(member.hardware)
    if member.hardware.spot and options.keep_alive_seconds:
        yield "hydra.launcher.keep_alive_seconds: SageMaker keeps no warm pool of spot instances; choose one of them"
    data = dict(_resolve_data_sources(member, options))
    for channel, value in data.items():
        if isinstance(value, Path) and not value.exists():
            yield f"{options.channels[channel]}={value}: there is no such file or folder"
    for channel, key in options.channels.items() if options.network_isolation else ():
        value = OmegaConf.select(member.task_config, key)
        if value and channel not in data:
            yield f"{key}={value}: cannot be fetched from inside (network_isolation); give a local folder or s3://..."


def _resolve_data_sources(member: Member, options: Any) -> Iterable[tuple[str, Path | str]]:
    """Channel and source of what the member's config names; a value that is neither a path nor in S3 (a hub name, null)
    is left as it is."""
    for channel, key in options.channels.items():
        value = OmegaConf.select(member.task_config, key)
        if not isinstance(value, str) or not value:
            continue
        if value.startswith("s3://"):
            yield channel, value
        elif Path(value).expanduser().exists() or value.startswith(("/", "./", "../", "~")):
            yield channel, Path(value).expanduser().absolute()


def _find_budget_problems(planned: Sequence[PlannedMember], budget: float | None) -> Iterator[str]:
    if budget is None:
        return
    for item in planned:
        hardware = item.member.hardware
        assert hardware is not None
        name = hardware.instance_type
        if item.worst_case is None:
            yield f"hydra.launcher.budget_usd={budget:g}: no price is known for {name}; give hardware.usd_per_hour"
        elif item.worst_case > budget:
            yield (
                f"hydra.launcher.budget_usd={budget:g}: #{item.member.number} alone may cost ${item.worst_case:.2f} "
                f"({hardware.instance_count} x {name} for hardware.max_hours={hardware.max_hours:g}); "
                "lower hardware.max_hours, or raise the budget"
            )
