"""The hardware node of a member's config, what SageMaker's training instances have, and what cannot go together.

GPU counts, models and local disks: the instance tables of EC2. smdistributed: the instances that AWS documents for
its data parallel library, and p3.16xlarge, which the images up to torch 2.1 still serve.
"""

from __future__ import annotations

import difflib
import enum
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from hydra_sagemaker_launcher.errors import LaunchError

DISTRIBUTIONS = ("none", "torchrun", "smdistributed")
MAX_HOURS = 28 * 24  # what CreateTrainingJob allows at most
MAX_VOLUME_GB = 16384  # the largest volume of EBS


@dataclass(frozen=True)
class Hardware:
    """Where a member runs and what it may use; dollars are per hour and instance."""

    instance_type: str
    instance_count: int = 1
    distribution: str = "none"
    image: str | None = None
    precision: str | None = None
    spot: bool = False
    volume_gb: int = 50
    max_hours: float = 4.0
    usd_per_hour: float | None = None


@dataclass(frozen=True)
class Instance:
    """What one instance has; `architecture` is that of its GPUs, or "cpu"."""

    gpus: int = 0
    gpu: str | None = None
    architecture: str = "cpu"
    nvme: bool = False  # it trains on its own disks: volume_gb does not apply
    smdistributed: bool = False

    @property
    def bf16(self) -> bool:
        """Whether its processors compute in bf16; CPUs do, slowly where they have no instructions for it."""
        return self.architecture not in ("kepler", "volta", "turing")


_G7E = {"2xlarge": 1, "4xlarge": 1, "8xlarge": 1}
_SINGLE = {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "16xlarge": 1}

# family: GPU, architecture, own disks, smdistributed on these sizes, GPUs of each size
_FAMILIES: tuple[tuple[str, str, str, bool, tuple[str, ...], dict[str, int]], ...] = (
    ("p2", "K80", "kepler", False, (), {"xlarge": 1, "8xlarge": 8, "16xlarge": 16}),
    ("p3", "V100", "volta", False, ("16xlarge",), {"2xlarge": 1, "8xlarge": 4, "16xlarge": 8}),
    ("p3dn", "V100", "volta", True, ("24xlarge",), {"24xlarge": 8}),
    ("p4d", "A100", "ampere", True, ("24xlarge",), {"24xlarge": 8}),
    ("p4de", "A100", "ampere", True, ("24xlarge",), {"24xlarge": 8}),
    ("p5", "H100", "hopper", True, (), {"4xlarge": 1, "48xlarge": 8}),
    ("p5e", "H200", "hopper", True, (), {"48xlarge": 8}),
    ("p5en", "H200", "hopper", True, (), {"48xlarge": 8}),
    ("p6-b200", "B200", "blackwell", True, (), {"48xlarge": 8}),
    ("p6-b300", "B300", "blackwell", True, (), {"48xlarge": 8}),
    ("g4dn", "T4", "turing", True, (), {**_SINGLE, "12xlarge": 4}),
    ("g5", "A10G", "ampere", True, (), {**_SINGLE, "12xlarge": 4, "24xlarge": 4, "48xlarge": 8}),
    ("g6", "L4", "ada", True, (), {**_SINGLE, "12xlarge": 4, "24xlarge": 4, "48xlarge": 8}),
    ("g6e", "L40S", "ada", True, (), {**_SINGLE, "12xlarge": 4, "24xlarge": 4, "48xlarge": 8}),
    ("g7e", "RTX PRO 6000", "blackwell", True, (), {**_G7E, "12xlarge": 2, "24xlarge": 4, "48xlarge": 8}),
)

INSTANCES: dict[str, Instance] = {
    f"ml.{family}.{size}": Instance(gpus, gpu, architecture, nvme, size in smdistributed)
    for family, gpu, architecture, nvme, smdistributed, sizes in _FAMILIES
    for size, gpus in sizes.items()
}

_CPU_FAMILY = re.compile(r"ml\.[cmrt]\d(?P<attributes>[a-z]*)(-flex)?\.\w+")  # e.g. ml.m5, ml.r5d, ml.c7i-flex


def find_instance(instance_type: str) -> Instance | None:
    """What an instance type has; None where the table does not know it (other accelerators, GPUs too new)."""
    if instance_type in INSTANCES:
        return INSTANCES[instance_type]
    if family := _CPU_FAMILY.fullmatch(instance_type):
        return Instance(nvme="d" in family["attributes"])
    return None


def parse_hardware(node: Mapping[str, Any] | None) -> Hardware | None:
    """The hardware node of a composed config; None where the member runs on this machine.

    Keys that are not named here are the app's own and ignored; enum members count by their name. Raises LaunchError
    with a line for every value of a wrong type.
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
        if (value is None and "None" not in str(field.type)) or not _is_of_type(value, str(field.type)):
            problems.append(
                f"hardware.{field.name}={_format_value(value)}: give {_TYPES[str(field.type).split(' ')[0]]}"
            )
        values[field.name] = float(value) if isinstance(value, int) and "float" in str(field.type) else value
    if problems:
        raise LaunchError(problems)
    return Hardware(**values)


_TYPES = {"str": "a name", "int": "a whole number", "float": "a number", "bool": "true or false"}


def _is_of_type(value: Any, annotation: str) -> bool:
    """Whether a value is of a field's type; a bool is no number, a whole number is a number."""
    kind = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}[annotation.split(" ")[0]]
    return value is None or (isinstance(value, kind) and isinstance(value, bool) == (annotation == "bool"))


def _format_value(value: Any) -> str:
    """As YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def find_hardware_problems(hardware: Hardware) -> list[str]:
    """Everything of a hardware node that SageMaker, or the instance, cannot do: a line each; the image aside."""
    parts = (_check_instance_type, _check_distribution, _check_precision, _check_limits)
    return [problem for part in parts for problem in part(hardware)]


def list_assumptions(hardware: Hardware) -> list[str]:
    """What the launcher takes for granted, a line each: of types its table does not know, and of disks."""
    instance, name = find_instance(hardware.instance_type), hardware.instance_type
    if instance is None:
        return [f"hardware.instance_type={name}: unknown to the launcher; taken to fit hardware.image"]
    if instance.nvme and hardware.volume_gb != Hardware.volume_gb:
        return [f"hardware.volume_gb={hardware.volume_gb}: {name} trains on its own disks; the volume is not made"]
    return []


@lru_cache(maxsize=1)
def _list_offered_types() -> tuple[str, ...]:
    """The instance types that CreateTrainingJob accepts, as the installed botocore knows them."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    return tuple(model.shape_for("TrainingInstanceType").enum)


def is_offered(instance_type: str) -> bool:
    """Whether SageMaker trains on an instance type at all."""
    return instance_type in INSTANCES or instance_type in _list_offered_types()


def _check_instance_type(hardware: Hardware) -> Iterator[str]:
    name = hardware.instance_type
    if is_offered(name):
        return
    close = difflib.get_close_matches(name, _list_offered_types(), n=3, cutoff=0.5)
    way_out = f"did you mean {' or '.join(close)}?" if close else "choose e.g. ml.g5.xlarge"
    yield f"hardware.instance_type={name}: SageMaker trains on no such instance; {way_out}"


def _check_distribution(hardware: Hardware) -> Iterator[str]:
    """torchrun is allowed without a GPU: the image's toolkit then starts a process a node, which must choose gloo."""
    wanted, instance = hardware.distribution, find_instance(hardware.instance_type)
    count = hardware.instance_count
    if count < 1:
        yield f"hardware.instance_count={count}: choose 1 or more"
    if wanted not in DISTRIBUTIONS:
        yield f"hardware.distribution={wanted}: choose one of {', '.join(DISTRIBUTIONS)}"
    elif wanted == "none" and count > 1:
        yield (
            f"hardware.instance_count={count}: several instances train together by hardware.distribution=torchrun or "
            "smdistributed; choose one of them, or hardware.instance_count=1"
        )
    elif wanted == "smdistributed" and (instance is None or not instance.smdistributed):
        those = ", ".join(name for name, known in INSTANCES.items() if known.smdistributed)
        yield (
            f"hardware.distribution=smdistributed: {hardware.instance_type} does not have it; choose one of {those}, "
            "or hardware.distribution=torchrun"
        )


def _check_precision(hardware: Hardware) -> Iterator[str]:
    instance, name = find_instance(hardware.instance_type), hardware.instance_type
    if instance is None:
        return
    if hardware.precision == "bf16" and not instance.bf16:
        yield (
            f"hardware.precision=bf16: the {instance.gpu} of {name} does not compute in it; choose "
            "hardware.precision=fp16, or Ampere GPUs and newer, e.g. hardware.instance_type=ml.g5.xlarge"
        )
    if hardware.precision == "fp16" and not instance.gpus:
        yield f"hardware.precision=fp16: {name} has no GPU; choose hardware.precision=fp32 or bf16"


def _check_limits(hardware: Hardware) -> Iterator[str]:
    hours, volume, price = hardware.max_hours, hardware.volume_gb, hardware.usd_per_hour
    if not 1 <= hours * 3600 <= MAX_HOURS * 3600:  # whole seconds are asked for
        yield f"hardware.max_hours={hours:g}: choose more than 0 and at most {MAX_HOURS} hours (28 days)"
    if not 1 <= volume <= MAX_VOLUME_GB:
        yield f"hardware.volume_gb={volume}: choose 1 ... {MAX_VOLUME_GB}"
    if price is not None and not (price >= 0 and math.isfinite(price)):
        yield f"hardware.usd_per_hour={price:g}: choose 0 or more dollars, or null for the price of AWS"
