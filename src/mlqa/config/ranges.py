"""Numbers of the config outside of what makes sense."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mlqa.config.schema import Config, Interval


def check_ranges(config: Config) -> Iterator[str]:
    """Numbers outside what makes sense; nan and infinity are outside of every range."""
    training, optimizer, hardware, dataset = config.training, config.optimizer, config.hardware, config.dataset
    scratch, sample = config.model.scratch, config.dataset.sample
    at_least: dict[str, tuple[float | None, float]] = {
        "training.per_device_train_batch_size": (training.per_device_train_batch_size, 1),
        "training.per_device_eval_batch_size": (training.per_device_eval_batch_size, 1),
        "training.gradient_accumulation_steps": (training.gradient_accumulation_steps, 1),
        "training.logging_steps": (training.logging_steps, 1),
        "training.save_steps": (training.save_steps, 1),
        "training.save_total_limit": (training.save_total_limit, 1),
        "training.n_best_size": (training.n_best_size, 1),
        "training.pad_to_multiple_of": (training.pad_to_multiple_of, 1),
        "training.eval_steps": (training.eval_steps, 1),
        "training.num_train_epochs": (training.num_train_epochs, 0),  # 0 scores the untrained model
        "training.max_steps": (training.max_steps, -1),  # -1: as many as num_train_epochs makes
        "training.max_grad_norm": (training.max_grad_norm, 0),
        "training.dataloader_num_workers": (training.dataloader_num_workers, 0),
        "optimizer.weight_decay": (optimizer.weight_decay, 0),
        "optimizer.adam_epsilon": (optimizer.adam_epsilon, 0),
        "dataset.max_train_samples": (dataset.max_train_samples, 1),
        "dataset.max_eval_samples": (dataset.max_eval_samples, 1),
        "hardware.instance_count": (hardware.instance_count, 1),
        "hardware.volume_gb": (hardware.volume_gb, 1),
        "hardware.usd_per_hour": (hardware.usd_per_hour, 0),
        "model.num_hidden_layers": (config.model.num_hidden_layers, 1),
        "tracking.predictions": (config.tracking.predictions, 0),
        "seed": (config.seed, 0),
    }
    if sample is not None:
        at_least |= {
            "dataset.sample.train_rows": (sample.train_rows, 1),
            "dataset.sample.validation_rows": (sample.validation_rows, 1),
            "dataset.sample.seed": (sample.seed, 0),
        }
    if scratch is not None:
        at_least |= {
            "model.scratch.vocab_size": (scratch.vocab_size, 100),
            "model.scratch.hidden_size": (scratch.hidden_size, 1),
            "model.scratch.num_hidden_layers": (scratch.num_hidden_layers, 1),
            "model.scratch.num_attention_heads": (scratch.num_attention_heads, 1),
            "model.scratch.intermediate_size": (scratch.intermediate_size, 1),
        }
    for key, (value, least) in at_least.items():
        if value is not None and not (least <= value < math.inf):
            yield f"{key}={value}: choose {least} or more"
    if config.seed >= 2**32:
        yield f"seed={config.seed}: choose 0 ... {2**32 - 1}"
    above_zero = {"optimizer.learning_rate": optimizer.learning_rate, "hardware.max_hours": hardware.max_hours}
    above_zero["tracking.finish_timeout"] = config.tracking.finish_timeout
    for key, value in above_zero.items():
        if not 0 < value < math.inf:
            yield f"{key}={value}: choose more than 0"
    shares = {
        "optimizer.warmup_ratio": optimizer.warmup_ratio,
        "optimizer.adam_beta1": optimizer.adam_beta1,
        "optimizer.adam_beta2": optimizer.adam_beta2,
        "model.scratch.dropout": scratch.dropout if scratch else 0.0,
    }
    for key, value in shares.items():
        if not 0 <= value < 1:
            yield f"{key}={value}: choose 0 or more, below 1"
    if not math.isfinite(training.null_score_diff_threshold):
        yield f"training.null_score_diff_threshold={training.null_score_diff_threshold}: choose a number"
    decay = optimizer.layerwise_decay
    if decay is not None and not 0 < decay <= 1:
        yield f"optimizer.layerwise_decay={decay}: choose a factor above 0, at most 1"
    if training.eval_strategy is Interval.steps and training.eval_steps is None:
        yield "training.eval_strategy=steps: needs training.eval_steps; give a number of steps"
