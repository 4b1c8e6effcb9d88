"""TrainingArguments from the config. Only this file knows how their names differ between versions of transformers."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch.torch_version import TorchVersion

from mlqa.config.schema import Config, Interval, Keep, OptimizerName, Precision, TrainingConfig
from mlqa.environment import get_checkpoint_dir, get_world_size

# Settings that are passed on under their own names.
TRAINING_NAMES = (
    "num_train_epochs max_steps per_device_train_batch_size per_device_eval_batch_size gradient_accumulation_steps "
    "max_grad_norm torch_compile logging_steps eval_steps save_steps save_total_limit"
).split()
OPTIMIZER_NAMES = "learning_rate weight_decay adam_beta1 adam_beta2 adam_epsilon".split()


def build_training_arguments(config: Config) -> Any:
    """Build transformers' TrainingArguments from the config.

    transformers 4.36 ... 5.x are supported. transformers itself then reports and prints nothing.

    Returns:
        A transformers.TrainingArguments.
    """
    from transformers import TrainingArguments

    training, optimizer = config.training, config.optimizer
    known = {item.name for item in fields(TrainingArguments)}
    precision = resolve_precision(config)
    arguments: dict[str, Any] = {
        "output_dir": str(get_checkpoint_dir(Path(training.output_dir))),
        "seed": config.seed,
        **{name: getattr(training, name) for name in TRAINING_NAMES},
        **{name: getattr(optimizer, name) for name in OPTIMIZER_NAMES},
        "save_strategy": training.save_strategy.value,
        "lr_scheduler_type": optimizer.lr_scheduler_type.value,
        "optim": _resolve_optimizer_name(config),
        "fp16": precision is Precision.fp16,
        "bf16": precision is Precision.bf16,
        "remove_unused_columns": False,
        "report_to": "none",
        "disable_tqdm": True,
        ("eval_strategy" if "eval_strategy" in known else "evaluation_strategy"): resolve_eval_strategy(training).value,
        ("use_cpu" if "use_cpu" in known else "no_cuda"): not torch.cuda.is_available(),
    }
    if get_world_size() > 1 and not torch.cuda.is_available():
        arguments["ddp_backend"] = "gloo"
    if training.ddp_bucket_cap_mb is not None:
        arguments["ddp_bucket_cap_mb"] = training.ddp_bucket_cap_mb
    if training.gradient_checkpointing:
        activation = "activation_checkpointing" in known  # the name from 5.22 on
        arguments["activation_checkpointing" if activation else "gradient_checkpointing"] = True
    # From 5.0 on, warmup_steps also takes a share of the steps, as a float.
    arguments["warmup_ratio" if "warmup_ratio" in known else "warmup_steps"] = optimizer.warmup_ratio
    return TrainingArguments(**arguments)


def resolve_eval_strategy(training: TrainingConfig) -> Interval:
    """Return when to evaluate. The best model cannot be found without evaluations, so each epoch is the least."""
    if training.keep is Keep.best and training.eval_strategy is Interval.no:
        return Interval.epoch
    return training.eval_strategy


def _resolve_optimizer_name(config: Config) -> str:
    if config.optimizer.name is OptimizerName.adafactor:
        return "adafactor"
    fused = config.optimizer.fused
    if fused is None:
        fused = torch.cuda.is_available() or torch.__version__ >= TorchVersion(
            "2.4"
        )  # 2.4 is the first with a fused AdamW for CPUs
    return "adamw_torch_fused" if fused else "adamw_torch"


def choose_loader_options(config: Config) -> dict[str, Any]:
    """Return the options of a DataLoader that feeds this device.

    If there is a GPU, worker processes make the batches, and pinned memory lets the GPU fetch them.

    Returns:
        num_workers, persistent_workers and pin_memory.
    """
    gpu = torch.cuda.is_available()
    workers = config.training.dataloader_num_workers
    workers = (2 if gpu else 0) if workers is None else workers
    return {"num_workers": workers, "persistent_workers": workers > 0, "pin_memory": gpu}


def resolve_precision(config: Config) -> Precision:
    """Resolve the precision of a run on this machine.

    `training.fp16` and `training.bf16` take precedence over `hardware.precision`.

    Returns:
        fp32, fp16 or bf16. If `hardware.precision` is auto, it depends on the GPU: bf16 from compute capability 8.0 on,
        fp16 below, and fp32 if there is none.
    """
    training = config.training
    if training.fp16:
        return Precision.fp16
    if training.bf16:
        return Precision.bf16
    precision = config.hardware.precision
    disabled = {Precision.fp16} if training.fp16 is False else set()
    disabled |= {Precision.bf16} if training.bf16 is False else set()
    if precision is Precision.auto:
        precision = Precision.fp32
        if torch.cuda.is_available():
            precision = Precision.bf16 if torch.cuda.get_device_capability() >= (8, 0) else Precision.fp16
    return Precision.fp32 if precision in disabled else precision


def register_safe_globals() -> None:
    """Let transformers before 4.46 read its own random states, whose types torch 2.6 and later refuses by default."""
    import numpy as np
    import transformers.trainer

    if hasattr(transformers.trainer, "safe_globals") or not hasattr(torch.serialization, "add_safe_globals"):
        return
    reconstruct = np.core.multiarray._reconstruct  # type: ignore[attr-defined]
    torch.serialization.add_safe_globals([reconstruct, np.ndarray, np.dtype, type(np.dtype(np.uint32))])


def get_autocast_dtype(config: Config) -> torch.dtype | None:
    """Return the type of mixed precision for a forward pass, or None for full precision."""
    return {Precision.fp16: torch.float16, Precision.bf16: torch.bfloat16}.get(resolve_precision(config))
