"""The config group `hardware`: the machine of a run and what it may cost."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Optional


class Distribution(enum.Enum):
    """What starts and connects the processes of a SageMaker training job."""

    none = "none"
    torchrun = "torchrun"
    smdistributed = "smdistributed"


class Precision(enum.Enum):
    """The number format of mixed precision. fp32 is full precision, and auto takes the best that the device has."""

    auto = "auto"
    fp32 = "fp32"
    fp16 = "fp16"
    bf16 = "bf16"


@dataclass
class HardwareConfig:
    """The machine of a run and what it may cost. Data only."""

    instance_type: Optional[str] = None  # null: this machine
    instance_count: int = 1
    distribution: Distribution = Distribution.none
    image: Optional[str] = None  # null: the newest container image that fits the instance
    precision: Precision = Precision.auto
    spot: bool = False
    volume_gb: int = 50
    max_hours: float = 4.0
    usd_per_hour: Optional[float] = None  # null: unknown before the run
    fallbacks: list[str] = field(default_factory=list)  # other instance types or families, if there is no capacity
    max_pending_minutes: Optional[int] = None  # how long a job waits for capacity. null: as long as SageMaker does
