"""Ranges of the numeric settings. NaN and infinity are outside every range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from mlqa.config.schema import Config, Interval

AT_LEAST = {
    "training.per_device_train_batch_size": 1,
    "training.per_device_eval_batch_size": 1,
    "training.gradient_accumulation_steps": 1,
    "training.logging_steps": 1,
    "training.save_steps": 1,
    "training.save_total_limit": 1,
    "training.n_best_size": 1,
    "training.pad_to_multiple_of": 1,
    "training.eval_steps": 1,
    "training.patience": 1,
    "training.num_train_epochs": 0,  # 0 scores the untrained model
    "training.max_steps": -1,  # -1: num_train_epochs decides
    "training.max_grad_norm": 0,
    "training.dataloader_num_workers": 0,
    "training.ddp_bucket_cap_mb": 1,
    "optimizer.weight_decay": 0,
    "optimizer.adam_epsilon": 0,
    "dataset.max_train_samples": 1,
    "dataset.max_eval_samples": 1,
    "dataset.folds": 2,
    "dataset.fold": 0,
    "dataset.sample.train_rows": 1,
    "dataset.sample.validation_rows": 1,
    "dataset.sample.seed": 0,
    "hardware.instance_count": 1,
    "hardware.volume_gb": 1,
    "hardware.max_pending_minutes": 30,  # the least that SageMaker takes
    "hardware.usd_per_hour": 0,
    "model.num_hidden_layers": 1,
    "model.scratch.vocab_size": 100,
    "model.scratch.hidden_size": 1,
    "model.scratch.num_hidden_layers": 1,
    "model.scratch.num_attention_heads": 1,
    "model.scratch.intermediate_size": 1,
    "model.endpoint.examples": 0,
    "model.endpoint.temperature": 0,
    "model.endpoint.max_tokens": 1,
    "model.endpoint.concurrency": 1,
    "model.endpoint.max_retries": 0,
    "model.endpoint.usd_per_million_input": 0,
    "model.endpoint.usd_per_million_output": 0,
    "report.usd_per_question": 0,
    "tracking.predictions": 0,
    "seed": 0,
}
ABOVE_ZERO = (
    "optimizer.learning_rate",
    "hardware.max_hours",
    "tracking.finish_timeout",
    "model.endpoint.timeout_seconds",
    "model.endpoint.budget_usd",
)
BELOW_ONE = ("optimizer.warmup_ratio", "optimizer.adam_beta1", "optimizer.adam_beta2", "model.scratch.dropout")
MAX_SEED = 2**32 - 1  # the largest that numpy takes


def check_ranges(config: Config) -> Iterator[str]:
    """Check the numbers of a config. A setting that is null is not checked.

    Yields:
        One line per number that is out of range.
    """
    for key, least in AT_LEAST.items():
        value = _get_value(config, key)
        if value is not None and not least <= value < math.inf:
            yield f"{key}={value}: choose {least} or more"
    for key in ABOVE_ZERO:
        value = _get_value(config, key)
        if value is not None and not 0 < value < math.inf:
            yield f"{key}={value}: choose more than 0"
    for key in BELOW_ONE:
        value = _get_value(config, key)
        if value is not None and not 0 <= value < 1:
            yield f"{key}={value}: choose 0 or more, below 1"
    share = config.training.windows_without_answer
    if not 0 <= share <= 1:
        yield f"training.windows_without_answer={share}: choose a share from 0 to 1"
    if config.training.max_steps == 0:
        yield (
            "training.max_steps=0: is not a number of steps to train; choose 1 or more, -1 to train "
            "training.num_train_epochs, or training.num_train_epochs=0 to score without training"
        )
    if config.seed > MAX_SEED:
        yield f"seed={config.seed}: choose 0 ... {MAX_SEED}"
    threshold = config.training.null_score_diff_threshold
    if not math.isfinite(threshold):
        yield f"training.null_score_diff_threshold={threshold}: choose a finite number"
    risk = config.calibration.risk
    if not 0 < risk < 1:
        yield f"calibration.risk={risk:g}: choose a mean loss above 0 and below 1, e.g. 0.1 for an F1 of 90"
    cut, folds = config.dataset.validation_share, config.dataset.folds
    if cut is not None and not 0 < cut < 1:
        yield f"dataset.validation_share={cut:g}: choose a share above 0 and below 1, e.g. 0.1"
    if folds is not None and config.dataset.fold is not None and config.dataset.fold >= folds:
        yield f"dataset.fold={config.dataset.fold}: choose 0 ... {folds - 1}, or more dataset.folds"
    decay = config.optimizer.layerwise_decay
    if decay is not None and not 0 < decay <= 1:
        yield f"optimizer.layerwise_decay={decay}: choose a factor above 0, at most 1"
    if config.training.eval_strategy is Interval.steps and config.training.eval_steps is None:
        yield "training.eval_strategy=steps: training.eval_steps has no value; set it to a number of steps"


def _get_value(config: Config, key: str) -> Any:
    """Return the value of a dotted key, or None if it or a node above it is null."""
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name, None)
    return value
