"""The hardware node of a member's config, and which of its values cannot go together."""

from __future__ import annotations

import difflib
import enum
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from hydra_sagemaker_launcher.catalog.instances import find_instance, is_offered, list_offered_types, load_instances
from hydra_sagemaker_launcher.errors import LaunchError

DISTRIBUTIONS = ("none", "torchrun", "smdistributed")
MAX_HOURS = 28 * 24  # the most that CreateTrainingJob allows
MAX_VOLUME_GB = 16384  # the largest EBS volume


@dataclass(frozen=True)
class Hardware:
    """The machine of a member, and what it may use. Dollars are per hour and instance."""

    instance_type: str
    instance_count: int = 1
    distribution: str = "none"
    image: str | None = None
    precision: str | None = None
    spot: bool = False
    volume_gb: int = 50
    max_hours: float = 4.0
    usd_per_hour: float | None = None
    fallbacks: tuple[str, ...] = ()
    max_pending_minutes: int | None = None

    @property
    def instances(self) -> str:
        """The instances in a table, e.g. `2 x ml.g6e.xlarge or g6, g5`."""
        others = f" or {', '.join(self.fallbacks)}" if self.fallbacks else ""
        return f"{self.instance_count} x {self.instance_type}{others}"


_EXPECTED = {
    "str": "a name",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple[str, ...]": "a list of names",
}


def parse_hardware(node: Mapping[str, Any] | None) -> Hardware | None:
    """Parse the hardware node of a composed config.

    Args:
        node: The node. Keys that `Hardware` does not have are the app's own and ignored, and enum members count by
            their name.

    Returns:
        None if the member runs on this machine.

    Raises:
        LaunchError: Values have a wrong type. It has a line for each.
    """
    if node is None or "instance_type" not in node or node["instance_type"] is None:
        return None
    problems: list[str] = []
    values: dict[str, Any] = {}
    for field in fields(Hardware):
        if field.name not in node:
            continue
        value = node[field.name]
        value = value.name if isinstance(value, enum.Enum) else value
        if field.name == "precision" and type(value) is int:  # some frameworks count bits
            value = str(value)
        kind, _, optional = str(field.type).partition(" | ")
        if kind == "float" and type(value) is int:
            value = float(value)
        if kind == "tuple[str, ...]" and isinstance(value, list) and all(isinstance(item, str) for item in value):
            values[field.name] = tuple(value)
            continue
        if type(value).__name__ != kind and not (value is None and optional):
            problems.append(f"hardware.{field.name}={_format_value(value)}: give {_EXPECTED[kind]}")
        values[field.name] = value
    if problems:
        raise LaunchError(problems)
    return Hardware(**values)


def _format_value(value: Any) -> str:
    """Format a value as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def find_hardware_problems(hardware: Hardware) -> list[str]:
    """Return a line for everything that SageMaker or the instance cannot do, except for the image."""
    checks = (_check_instance_type, _check_distribution, _check_precision, _check_limits)
    return [problem for check in checks for problem in check(hardware)]


def list_assumptions(hardware: Hardware) -> list[str]:
    """Return a line for what the launcher takes for granted about unknown instance types and about disks."""
    instance, name = find_instance(hardware.instance_type), hardware.instance_type
    if instance is None:
        return [f"hardware.instance_type={name}: the launcher does not know this type and trusts hardware.image"]
    if instance.own_disks and hardware.volume_gb != Hardware.volume_gb:
        return [f"hardware.volume_gb={hardware.volume_gb}: {name} trains on its own disks, so no volume is created"]
    return []


def _check_instance_type(hardware: Hardware) -> Iterator[str]:
    name = hardware.instance_type
    if is_offered(name):
        return
    similar = difflib.get_close_matches(name, list_offered_types(), n=3, cutoff=0.5)
    way_out = f"did you mean {' or '.join(similar)}?" if similar else "choose e.g. ml.g5.xlarge"
    yield f"hardware.instance_type={name}: SageMaker has no such training instance; {way_out}"


def _check_distribution(hardware: Hardware) -> Iterator[str]:
    """Check how instances and processes train together.

    torchrun is allowed without a GPU: the image's toolkit then starts one process per node, which must choose gloo.
    """
    distribution, count = hardware.distribution, hardware.instance_count
    instance = find_instance(hardware.instance_type)
    if count < 1:
        yield f"hardware.instance_count={count}: choose 1 or more"
    if distribution not in DISTRIBUTIONS:
        yield f"hardware.distribution={distribution}: choose one of {', '.join(DISTRIBUTIONS)}"
    elif distribution == "none" and count > 1:
        yield (
            f"hardware.instance_count={count}: several instances need a distribution to train together; choose "
            "hardware.distribution=torchrun or smdistributed, or hardware.instance_count=1"
        )
    elif distribution == "smdistributed" and (instance is None or not instance.smdistributed):
        able = ", ".join(name for name, known in load_instances().items() if known.smdistributed)
        yield (
            f"hardware.distribution=smdistributed: {hardware.instance_type} does not offer it; choose "
            f"hardware.distribution=torchrun, or one of {able}"
        )


def _check_precision(hardware: Hardware) -> Iterator[str]:
    instance, name = find_instance(hardware.instance_type), hardware.instance_type
    if instance is None:
        return
    if hardware.precision == "bf16" and not instance.bf16:
        yield (
            f"hardware.precision=bf16: the {instance.gpu} of {name} does not compute in bf16; choose "
            "hardware.precision=fp16, or Ampere GPUs and newer, e.g. hardware.instance_type=ml.g5.xlarge"
        )
    if hardware.precision == "fp16" and not instance.gpus:
        yield f"hardware.precision=fp16: {name} has no GPU; choose hardware.precision=fp32 or bf16"


def _check_limits(hardware: Hardware) -> Iterator[str]:
    hours, volume, price = hardware.max_hours, hardware.volume_gb, hardware.usd_per_hour
    if not 1 <= hours * 3600 <= MAX_HOURS * 3600:  # the request has whole seconds
        yield f"hardware.max_hours={hours:g}: choose more than 0 and at most {MAX_HOURS} hours (28 days)"
    if not 1 <= volume <= MAX_VOLUME_GB:
        yield f"hardware.volume_gb={volume}: choose 1 to {MAX_VOLUME_GB}"
    if price is not None and not (price >= 0 and math.isfinite(price)):
        yield f"hardware.usd_per_hour={price:g}: choose 0 or more dollars, or null for AWS's price"
