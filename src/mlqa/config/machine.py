"""Settings that the machine of a run cannot satisfy: half precision, attention kernels, a compiler, a type of model."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlqa.config.model_facts import explain_unknown_type, find_model_type, get_installed_transformers
from mlqa.config.schema import Attention, Batching, Config, Precision
from mlqa.environment import is_in_container


def has_gpu() -> bool:
    """Return whether this machine shows an NVIDIA GPU, without importing torch."""
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def check_machine(config: Config) -> Iterator[str]:
    """Check what the config demands of the machine of the run, as far as it is known beforehand.

    Yields:
        One line per setting that the machine cannot satisfy.
    """
    yield from _check_precision(config)
    yield from _check_attention(config)
    yield from _check_compilation(config)
    installed = get_installed_transformers()
    if installed and (_is_on_this_machine(config) or is_in_container()):
        for problem in find_image_problems(config, {"transformers": installed}):
            yield f"{problem}; choose another model, or another version of transformers"


def find_image_problems(config: Any, software: Mapping[str, str]) -> list[str]:
    """Return why a member cannot run with the software of its machine. The SageMaker launcher asks for each image.

    Args:
        config: The composed config of the member.
        software: Versions by name. That of transformers counts.
    """
    pretrained = config.model.pretrained
    model_type = find_model_type(pretrained, config.model.revision)
    if model_type is None or "transformers" not in software:
        return []
    reason = explain_unknown_type(model_type, software["transformers"])
    return [f"model.pretrained={pretrained}: {reason}"] if reason else []


def _is_on_this_machine(config: Config) -> bool:
    return config.hardware.instance_type is None and not is_in_container()


def _check_precision(config: Config) -> Iterator[str]:
    training = config.training
    if training.fp16 and training.bf16:
        yield "training.fp16=true, training.bf16=true: choose one of them"
    if not _is_on_this_machine(config) or has_gpu():
        return
    chosen = {
        "training.fp16=true": training.fp16 is True,
        "hardware.precision=fp16": config.hardware.precision is Precision.fp16,
    }
    for setting, is_chosen in chosen.items():
        if is_chosen:
            yield f"{setting}: fp16 needs a GPU and this machine shows none; choose hardware.precision=fp32"


def _check_attention(config: Config) -> Iterator[str]:
    chosen = config.model.attn_implementation
    if chosen is None:
        return
    setting = f"model.attn_implementation={chosen.value}"
    if config.model.scratch is not None and chosen is not Attention.eager:
        yield f"{setting}: a model from scratch is a ConvBERT, which has eager attention only; leave it null"
    if chosen is not Attention.flash_attention_2:
        return
    if config.training.batching is Batching.packed:
        yield (
            f"{setting}, training.batching=packed: flash attention takes no block mask; choose sdpa or batching=grouped"
        )
    if config.hardware.instance_type is not None:
        yield f"{setting}: SageMaker's images do not have flash-attn; choose sdpa, which has its own kernels"
    elif importlib.util.find_spec("flash_attn") is None:
        yield f"{setting}: flash-attn is not installed; install it or choose sdpa"
    elif config.hardware.precision is Precision.fp32 and not (config.training.fp16 or config.training.bf16):
        yield f"{setting}: flash attention needs half precision; choose hardware.precision=bf16 or sdpa"


def _check_compilation(config: Config) -> Iterator[str]:
    if not config.training.torch_compile or not _is_on_this_machine(config):
        return
    if not any(shutil.which(name) for name in (os.environ.get("CXX"), "g++", "clang++") if name):
        yield (
            "training.torch_compile=true: needs a C++ compiler and none was found; install g++ or clang++, or set $CXX"
        )
