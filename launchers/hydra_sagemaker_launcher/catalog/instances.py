"""What SageMaker's training instances have, from instances.yaml."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import cache

from hydra_sagemaker_launcher.aws.service_model import load_service_model
from hydra_sagemaker_launcher.data_file import read_data_file

_CPU_FAMILY = re.compile(r"ml\.[cmrt]\d(?P<attributes>[a-z]*)(-flex)?\.\w+")  # e.g. ml.m5, ml.r5d, ml.c7i-flex
_SIZE = re.compile(r"(?P<times>\d*)xlarge")
_SMALL = {"large": 2, "medium": 1}
_WITHOUT_BF16 = ("kepler", "volta", "turing")


@dataclass(frozen=True)
class Instance:
    """The hardware of one instance. Without GPUs its architecture is "cpu"."""

    gpus: int = 0
    gpu: str | None = None
    gpu_memory_gb: int = 0  # of one GPU
    architecture: str = "cpu"
    own_disks: bool = False  # it trains on them: volume_gb does not apply
    smdistributed: str = ""  # the newest torch whose SageMaker data parallel library runs on it. Empty: none does
    end_of_life: datetime.date | None = None  # when AWS wanted its users gone

    @property
    def bf16(self) -> bool:
        """Whether its processors compute in bf16. CPUs do, but slowly if they lack the instructions for it."""
        return self.architecture not in _WITHOUT_BF16


@cache
def load_instances() -> dict[str, Instance]:
    """Return every instance type with GPUs that the launcher knows, e.g. `ml.g5.xlarge`."""
    return {
        f"ml.{row['family']}.{size}": Instance(
            gpus=gpus,
            gpu=row["gpu"],
            gpu_memory_gb=row["gpu_memory_gb"],
            architecture=row["architecture"],
            own_disks=row["own_disks"],
            smdistributed=row["smdistributed"].get(size, ""),
            end_of_life=row.get("end_of_life"),
        )
        for row in read_data_file("catalog/instances.yaml")["families"]
        for size, gpus in row["gpus"].items()
    }


def find_instance(instance_type: str) -> Instance | None:
    """Return what an instance type has.

    Returns:
        None if the launcher does not know the type: other accelerators than GPUs, or GPUs too new for its table.
    """
    if instance := load_instances().get(instance_type):
        return instance
    if family := _CPU_FAMILY.fullmatch(instance_type):
        return Instance(own_disks="d" in family["attributes"])
    return None


def count_vcpus(instance_type: str) -> int | None:
    """Return the virtual CPUs of an instance type, by the rule of EC2's names: an xlarge has 4, a 2xlarge 8.

    Returns:
        None if the size is not a number of xlarges, large or medium.
    """
    size = instance_type.rpartition(".")[2]
    if size in _SMALL:
        return 2 if instance_type.startswith("ml.t") else _SMALL[size]
    found = _SIZE.fullmatch(size)
    return 4 * int(found["times"] or 1) if found else None


def list_offered_types() -> list[str]:
    """Return the instance types that CreateTrainingJob accepts, by the installed botocore."""
    return list(load_service_model().shape_for("TrainingInstanceType").enum)


def is_offered(instance_type: str) -> bool:
    """Return whether SageMaker trains on an instance type at all."""
    return instance_type in load_instances() or instance_type in list_offered_types()
