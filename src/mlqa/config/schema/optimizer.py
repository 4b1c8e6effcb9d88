"""The config group `optimizer`: the optimizer and its learning rate schedule."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional


class OptimizerName(enum.Enum):
    """The optimization algorithm."""

    adamw = "adamw"
    adafactor = "adafactor"


class Schedule(enum.Enum):
    """The course of the learning rate, by transformers' names."""

    linear = "linear"
    cosine = "cosine"
    constant = "constant"
    constant_with_warmup = "constant_with_warmup"
    polynomial = "polynomial"
    inverse_sqrt = "inverse_sqrt"


@dataclass
class OptimizerConfig:
    """The optimizer and its learning rate schedule, by the names of transformers' TrainingArguments."""

    name: OptimizerName = OptimizerName.adamw
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    lr_scheduler_type: Schedule = Schedule.linear
    warmup_ratio: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    fused: Optional[bool] = None  # AdamW's step as one kernel. null: if torch has it for this device
    layerwise_decay: Optional[float] = (
        None  # layer n - 1 learns at this times the rate of layer n. null: one rate for all
    )
