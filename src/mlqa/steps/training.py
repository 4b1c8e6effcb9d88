"""Train the model, and select the one to keep."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from mlqa.batching.mixture import Mixture
from mlqa.config.schema import Config, should_keep_best
from mlqa.data.load import Splits
from mlqa.evaluation import Evaluation
from mlqa.features.windows import Windows, thin_windows_without_answer
from mlqa.result import Result
from mlqa.steps.timing import time_stage
from mlqa.training.best_model import BestModel
from mlqa.training.checkpoints import Checkpoint, Checkpoints
from mlqa.training.progress import ProgressAndHistory
from mlqa.training.trainer import QuestionAnsweringTrainer

log = logging.getLogger(__name__)


def build_trainer(
    config: Config,
    arguments: Any,
    model: Any,
    windows: Windows,
    splits: Splits,
    selection: Evaluation,
    checkpoints: Checkpoints,
    track: Callable[[dict[str, float], int], None],
) -> QuestionAnsweringTrainer:
    """Return the trainer of a model.

    Args:
        config: The run's config.
        arguments: The TrainingArguments.
        model: The model with its head.
        windows: The windows of the train split.
        splits: The data.
        selection: What scores the model while it trains.
        checkpoints: The checkpoints of the run.
        track: Receives the metrics and the number of steps.
    """
    learnt = thin_windows_without_answer(windows, splits.train, config.training.windows_without_answer, config.seed)
    best = None
    if should_keep_best(config):
        best = BestModel(checkpoints.open_best(), selection.primary_metric, config.training.patience)
    mixture = Mixture(learnt, splits.mixed_sets, config.seed) if splits.mixed_sets else None
    callbacks = [ProgressAndHistory(track)]
    return QuestionAnsweringTrainer(
        config,
        arguments,
        model,
        learnt,
        lambda: selection.compute_metrics(model),
        callbacks,
        checkpoints,
        best,
        mixture,
    )


def train_model(trainer: QuestionAnsweringTrainer, checkpoint: Checkpoint | None, result: Result) -> None:
    """Train to the end, from the checkpoint if there is one."""
    windows = trainer.batches.windows_per_epoch
    if checkpoint is None:
        log.info("training on %d windows, %s", windows, trainer.batching.value)
    elif checkpoint.is_final:
        log.info("all %d steps are already trained: scoring %s", checkpoint.max_steps, checkpoint.path)
    else:
        log.info("resuming after step %d of %d: %s", checkpoint.step, checkpoint.max_steps, checkpoint.path)
    with time_stage(result, "train_seconds"):
        trainer.fit(checkpoint)
    resumed_after = 0
    if checkpoint is not None:
        result.timing["resumed_after_step"] = resumed_after = checkpoint.step
    seen = windows * trainer.state.epoch * (1 - resumed_after / trainer.state.global_step)
    result.timing["train_samples_per_second"] = round(seen / max(result.timing["train_seconds"], 1e-3), 3)


def select_model(trainer: QuestionAnsweringTrainer, result: Result) -> None:
    """Select the model to keep, and record which one it is."""
    result.selection = {"keep": "last", "split": None, "epochs": round(trainer.state.epoch, 4)}
    if trainer.best is None:
        return
    kept = trainer.restore_best()
    if kept is None:
        log.warning("no model was kept during training, because none could be written: the last one is scored")
        return
    metric = trainer.best.metric
    log.info("keeping the model after %g epochs, with %s %.2f on validation", kept.epochs, metric, kept.score)
    result.selection = {"keep": "best", "split": result.objective_split, "epochs": kept.epochs}
