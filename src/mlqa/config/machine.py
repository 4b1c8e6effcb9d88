"""What a config asks of the machine it runs on: a GPU, half precision, attention kernels, a compiler."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mlqa.config.schema import Attention, Batching, Config, Precision
from mlqa.environment import is_in_container


def has_gpu() -> bool:
    """Whether this machine shows an NVIDIA GPU; asked without importing torch."""
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def check_machine(config: Config) -> Iterator[str]:
    """Every wish that the machine, as far as it is known before a run, cannot grant."""
    yield from _check_precision(config)
    yield from _check_attention(config)
    yield from _check_compilation(config)


def _check_precision(config: Config) -> Iterator[str]:
    training, hardware = config.training, config.hardware
    wanted = {
        "training.fp16": training.fp16 is True,
        "hardware.precision": hardware.precision is Precision.fp16,
    }
    if training.fp16 and training.bf16:
        yield "training.fp16=true, training.bf16=true: choose one of them"
    if hardware.instance_type is None and not is_in_container() and not has_gpu():
        for key, is_wanted in wanted.items():
            if is_wanted:
                value = "true" if key == "training.fp16" else "fp16"
                yield f"{key}={value}: fp16 needs a GPU and this machine shows none; choose hardware.precision=fp32"


def _check_attention(config: Config) -> Iterator[str]:
    chosen = config.model.attn_implementation
    if chosen is None:
        return
    key = f"model.attn_implementation={chosen.value}"
    if config.model.scratch is not None and chosen is not Attention.eager:
        yield f"{key}: a model from scratch is a ConvBERT, which has eager attention only; leave it null"
    if chosen is not Attention.flash_attention_2:
        return
    if config.training.batching is Batching.packed:
        yield f"{key}, training.batching=packed: flash attention takes no block mask; choose sdpa or batching=grouped"
    if config.hardware.instance_type is not None:
        yield f"{key}: SageMaker's images do not hold flash-attn; choose sdpa, which has kernels of its own"
    elif importlib.util.find_spec("flash_attn") is None:
        yield f"{key}: flash-attn is not installed; install it, or choose sdpa"
    elif config.hardware.precision is Precision.fp32 and not (config.training.fp16 or config.training.bf16):
        yield f"{key}: needs half precision; choose hardware.precision=bf16, or sdpa"


def _check_compilation(config: Config) -> Iterator[str]:
    if not config.training.torch_compile or config.hardware.instance_type is not None or is_in_container():
        return
    if not any(shutil.which(name) for name in (os.environ.get("CXX"), "g++", "clang++") if name):
        yield "training.torch_compile=true: needs a C++ compiler (g++, clang++ or $CXX), and finds none"
