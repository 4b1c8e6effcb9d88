"""transformers' Trainer with batches, loss, scores and checkpoints of our own.

The batches come from our sampler, the loss ignores padding, the scores come from our decoding, and only complete
checkpoints are used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerState

from mlqa.batching.dataset import ShareDataset
from mlqa.batching.forward_passes import cut_by_length, estimate_pass_overhead
from mlqa.batching.mixture import Mixture
from mlqa.batching.packing_support import choose_batching
from mlqa.batching.sampler import WindowBatchSampler
from mlqa.config.schema import Batching, Config, Interval
from mlqa.distributed import broadcast_weights
from mlqa.environment import get_rank, get_world_size, is_main
from mlqa.features.windows import Windows
from mlqa.training.arguments import (
    choose_loader_options,
    get_autocast_dtype,
    register_safe_globals,
    resolve_eval_strategy,
)
from mlqa.training.best_model import BestModel, Kept
from mlqa.training.checkpoints import STATE, Checkpoint, Checkpoints
from mlqa.training.compilation import allow_shapes
from mlqa.training.epochs import EpochsAndLastCheckpoint
from mlqa.training.loss import compute_span_loss
from mlqa.training.memory import find_fitting_accumulation, try_largest_windows
from mlqa.training.optimizer import build_layerwise_groups

log = logging.getLogger(__name__)


class QuestionAnsweringTrainer(Trainer):  # type: ignore[misc]  # transformers is not typed
    """Train a model on windows.

    Args:
        config: The config of the run.
        arguments: The TrainingArguments from `build_training_arguments`.
        model: A transformers model for question answering.
        windows: The windows of the train split.
        score: Returns the metrics of the model in its current state. An evaluation calls it.
        callbacks: Further callbacks.
        checkpoints: The checkpoints of the run.
        best: The best model of the run, if it is to be kept.
        mixture: Draws the windows of each epoch. If None, an epoch reads every window once.
    """

    def __init__(
        self,
        config: Config,
        arguments: Any,
        model: Any,
        windows: Windows,
        score: Callable[[], dict[str, float]],
        callbacks: list[TrainerCallback],
        checkpoints: Checkpoints,
        best: BestModel | None = None,
        mixture: Mixture | None = None,
    ) -> None:
        self.config = config
        self.score = score
        self.checkpoints = checkpoints
        self.best = best
        training = config.training
        one_width = windows.template.one_width
        # What is compiled, or computed a second time in the backward pass, keeps torch's functions, and so does a GPU.
        self.is_plain = training.torch_compile or training.gradient_checkpointing or arguments.device.type != "cpu"
        self.batching, self.packing = choose_batching(
            training.batching, model, arguments.device, one_width, one_row=not self.is_plain
        )
        multiple = None if self.batching is Batching.padded else training.pad_to_multiple_of
        batches = ShareDataset(windows, multiple, self.packing)
        step_size = arguments.train_batch_size * training.gradient_accumulation_steps
        if training.auto_find_batch_size and len(windows):
            arguments.gradient_accumulation_steps = self._fit_accumulation(model, arguments, batches, step_size)
        accumulation = arguments.gradient_accumulation_steps
        self.memory = {"windows_at_a_time": -(-step_size // accumulation), "parts_of_a_step": accumulation}
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=batches,
            eval_dataset=batches,  # transformers requires one if eval_strategy is set. `evaluate` does not use it
            callbacks=callbacks,
        )
        self.remove_callback(PrinterCallback)
        # The loss is a mean over the batch, so transformers must divide it by gradient_accumulation_steps.
        self.model_accepts_loss_kwargs = False
        overhead = estimate_pass_overhead(model, arguments.device, step_size * get_world_size())
        cut = partial(cut_by_length, multiple=training.pad_to_multiple_of, overhead=overhead)
        self.batches = WindowBatchSampler(
            windows.lengths,
            step_size * get_world_size(),
            config.seed,
            cut=cut if self.batching is Batching.grouped else None,
            accumulation=accumulation,
            rank=get_rank(),
            world_size=get_world_size(),
            mixture=mixture,
        )
        by_epoch = resolve_eval_strategy(training) is Interval.epoch
        self.add_callback(EpochsAndLastCheckpoint(self.batches, by_epoch, best is not None))

    def fit(self, checkpoint: Checkpoint | None) -> None:
        """Train to the end but never past it.

        Args:
            checkpoint: The checkpoint to resume from, or None to start anew.
        """
        register_safe_globals()
        if checkpoint is not None and checkpoint.is_final:
            self._load_from_checkpoint(str(checkpoint.path))
            self.state: Any = TrainerState.load_from_json(str(checkpoint.path / STATE))
            return
        if self.config.training.torch_compile:
            allow_shapes()
        self.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)

    def restore_best(self) -> Kept | None:
        """Load the best model that was kept.

        Returns:
            What was loaded, None if nothing was: the model stays as the last step left it.
        """
        if self.best is None or self.best.kept is None:
            return None
        if is_main():  # another machine may not have the files
            self._load_from_checkpoint(str(self.best.kept.path))
        broadcast_weights(self.model)
        return self.best.kept

    def _fit_accumulation(self, model: Any, arguments: Any, batches: ShareDataset, step_size: int) -> int:
        """Find the parts into which steps must be split, before transformers reads the arguments."""
        longest = np.argsort(-batches.windows.lengths, kind="stable")
        if self.config.training.gradient_checkpointing:
            model.gradient_checkpointing_enable()
        model.to(arguments.device)

        def loss(windows: int) -> Any:
            inputs = batches.read(longest[:windows])
            return self.compute_loss(model, {name: value.to(arguments.device) for name, value in inputs.items()})

        def attempt(windows: int) -> None:
            try_largest_windows(model, loss, windows, get_autocast_dtype(self.config))

        return find_fitting_accumulation(attempt, step_size, arguments.gradient_accumulation_steps)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of the shares of this process."""
        loader = DataLoader(
            self.train_dataset,
            batch_sampler=self.batches,
            collate_fn=_collate_share,
            **choose_loader_options(self.config),
        )
        # As accelerator.prepare does, but for one process, because the sampler gives each process its own batches.
        return prepare_data_loader(loader, self.args.device, num_processes=1, process_index=0, put_on_device=True)  # type: ignore[no-any-return]

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **options: Any) -> Any:
        """Run the forward and backward passes of a share. Processes exchange gradients only in the last pass.

        Returns:
            The loss of the share, which is the sum over its passes.
        """
        *earlier, last = inputs["passes"]
        loss = 0.0
        with model.no_sync() if earlier and hasattr(model, "no_sync") else nullcontext():
            for part in earlier:
                loss += super().training_step(model, part, *args, **options)
        return loss + super().training_step(model, last, *args, **options)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return the operations of all passes of a share."""
        return sum(super(QuestionAnsweringTrainer, self).floating_point_ops(part) for part in inputs["passes"])

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **_: Any) -> Any:
        """Return the loss of one pass (see `compute_span_loss`), or the loss and the output of the model."""
        loss, output = compute_span_loss(model, inputs, self.packing, self.is_plain)
        return (loss, output) if return_outputs else loss

    def _wrap_model(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Leave the model to accelerate on a CPU: under smdistributed, transformers would wrap it by a GPU's number."""
        return model if self.args.device.type == "cpu" else super()._wrap_model(model, *args, **kwargs)

    def create_optimizer(self, *args: Any) -> Any:
        """Create the optimizer, with layer-wise learning rates if `optimizer.layerwise_decay` is set."""
        decay = self.config.optimizer.layerwise_decay
        if decay is None:
            return super().create_optimizer(*args)
        cls, options = self.get_optimizer_cls_and_kwargs(self.args)
        groups = build_layerwise_groups(self.model, self.args.learning_rate, decay, self.args.weight_decay)
        self.optimizer: Any = cls(groups, **options)
        return self.optimizer

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Score the model in its current state.

        Returns:
            The metrics as they are logged: `eval_exact_match`, `eval_f1` ...
        """
        scores = self.score()
        metrics = {f"eval_{name}": value for name, value in scores.items()}
        self.log(metrics)
        if self.best is not None:
            self.best.offer(scores, self.state.global_step, self._save_model_and_state)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        if self.best is not None and self.best.is_patience_over(self.state.log_history):
            self.state.max_steps = self.state.global_step  # so that a checkpoint says that nothing is left to train
            self.control.should_training_stop = True
            self.control.should_save = self.args.save_strategy != Interval.no.value
        return metrics

    def _save_checkpoint(self, *_: Any, **__: Any) -> None:
        """Write a checkpoint completely or not at all. If it cannot be written, warn and go on training."""

        def save_files(folder: Path) -> None:
            self._save_model_and_state(folder)
            self._save_optimizer_and_scheduler(str(folder))
            self._save_rng_state(str(folder))

        self.checkpoints.write(self.state.global_step, save_files, self.config.training.save_total_limit)

    def _save_model_and_state(self, folder: Path) -> None:
        self.save_model(str(folder), _internal_call=True)
        if is_main():
            self.state.save_to_json(str(folder / STATE))


def _collate_share(batch: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the only item of the batch: the sampler gives one share at a time."""
    return batch[0]
