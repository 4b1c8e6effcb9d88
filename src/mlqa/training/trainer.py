"""transformers' Trainer with the ends replaced: our batches, a loss that sees no padding, scores by our decoding,
checkpoints that can be trusted."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate.data_loader import prepare_data_loader
from safetensors import SafetensorError
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerState

from mlqa.batching.dataset import ShareDataset
from mlqa.batching.forward_passes import cut_by_length, estimate_pass_overhead
from mlqa.batching.packed_rows import unpack_logits
from mlqa.batching.packing_support import choose_batching
from mlqa.batching.sampler import WindowBatchSampler
from mlqa.config.schema import Batching, Config, Interval
from mlqa.distributed import all_gather_object
from mlqa.environment import get_local_rank, get_rank, get_world_size, is_main
from mlqa.errors import explain_write_failure
from mlqa.features.windows import Windows
from mlqa.training.arguments import choose_loader_options, get_autocast_dtype, register_safe_globals
from mlqa.training.checkpoints import STATE, Checkpoint, Checkpoints
from mlqa.training.compilation import allow_shapes
from mlqa.training.memory import find_fitting_accumulation, try_largest_windows
from mlqa.training.optimizer import build_layerwise_groups

log = logging.getLogger(__name__)


class QuestionAnsweringTrainer(Trainer):  # type: ignore[misc]  # transformers is not typed
    """Trains on windows; `score` is called for the metrics of an evaluation, by the model as it then stands."""

    def __init__(
        self,
        config: Config,
        arguments: Any,
        model: Any,
        windows: Windows,
        score: Callable[[], dict[str, float]],
        callbacks: list[TrainerCallback],
        checkpoints: Checkpoints,
    ) -> None:
        self.config = config
        self.score = score
        self.checkpoints = checkpoints
        training = config.training
        self.batching, self.packing = choose_batching(training.batching, model, arguments.device)
        multiple = None if self.batching is Batching.padded else training.pad_to_multiple_of
        batches = ShareDataset(windows, multiple, self.packing)
        step_size = arguments.train_batch_size * training.gradient_accumulation_steps
        if training.auto_find_batch_size:
            arguments.gradient_accumulation_steps = self._fit_accumulation(model, arguments, batches, step_size)
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=batches,
            eval_dataset=batches,  # transformers asks for one where eval_strategy is set; `evaluate` does not use it
            callbacks=callbacks,
        )
        self.remove_callback(PrinterCallback)
        # The loss is a mean over the batch: it has to be divided by gradient_accumulation_steps.
        self.model_accepts_loss_kwargs = False
        overhead = estimate_pass_overhead(model, arguments.device, step_size * get_world_size())
        cut = partial(cut_by_length, multiple=training.pad_to_multiple_of, overhead=overhead)
        self.batches = WindowBatchSampler(
            windows.lengths,
            step_size * get_world_size(),
            config.seed,
            cut=cut if self.batching is Batching.grouped else None,
            accumulation=arguments.gradient_accumulation_steps,
            rank=get_rank(),
            world_size=get_world_size(),
        )
        self.add_callback(_EpochsAndLastCheckpoint(self.batches))

    def fit(self, checkpoint: Checkpoint | None) -> None:
        """Trains to the end, from `checkpoint` where there is one; never past the end."""
        register_safe_globals()
        if checkpoint is not None and checkpoint.is_final:
            self._load_from_checkpoint(str(checkpoint.path))
            self.state: Any = TrainerState.load_from_json(str(checkpoint.path / STATE))
            return
        if self.config.training.torch_compile:
            allow_shapes()
        self.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)

    def _fit_accumulation(self, model: Any, arguments: Any, batches: ShareDataset, step_size: int) -> int:
        """Parts into which steps have to be split; asked before transformers is told of them."""
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
        loader = DataLoader(
            self.train_dataset,
            batch_sampler=self.batches,
            collate_fn=_collate_share,
            **choose_loader_options(self.config),
        )
        # As accelerator.prepare does, but for one process: the batches are this process's own already.
        return prepare_data_loader(loader, self.args.device, num_processes=1, process_index=0, put_on_device=True)  # type: ignore[no-any-return]

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **options: Any) -> Any:
        """Forward and backward passes of a share; several processes exchange gradients at the last one only."""
        *earlier, last = inputs["passes"]
        loss = 0.0
        with model.no_sync() if earlier and hasattr(model, "no_sync") else nullcontext():
            for part in earlier:
                loss += super().training_step(model, part, *args, **options)
        return loss + super().training_step(model, last, *args, **options)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        return sum(super(QuestionAnsweringTrainer, self).floating_point_ops(part) for part in inputs["passes"])

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **_: Any) -> Any:
        """Mean cross-entropy of start and end positions over the positions that are no padding.

        transformers' heads include padding in the softmax, so that their loss depends on how a batch was padded.
        """
        wanted = [inputs.pop(name) for name in ("start_positions", "end_positions")]
        weight = inputs.pop("weight", 1.0)
        if self.packing is None:
            padding = inputs["attention_mask"] == 0
            output = model(**inputs)
            found = [logits.masked_fill(padding, -torch.inf) for logits in (output.start_logits, output.end_logits)]
        else:
            where = inputs.pop("window_begins"), inputs.pop("window_lengths")
            inputs["attention_mask"] = self.packing.mask(inputs.pop("segments"))
            output = model(**inputs)
            found = [unpack_logits(logits, *where) for logits in (output.start_logits, output.end_logits)]
        losses = [
            torch.nn.functional.cross_entropy(logits.float(), positions)
            for logits, positions in zip(found, wanted, strict=True)
        ]
        loss = weight * (losses[0] + losses[1]) / 2
        return (loss, output) if return_outputs else loss

    def _wrap_model(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Under smdistributed transformers wraps by the number of a GPU; on a CPU accelerate wraps it."""
        return model if self.args.device.type == "cpu" else super()._wrap_model(model, *args, **kwargs)

    def create_optimizer(self, *args: Any) -> Any:
        decay = self.config.optimizer.layerwise_decay
        if decay is None:
            return super().create_optimizer(*args)
        cls, options = self.get_optimizer_cls_and_kwargs(self.args)
        groups = build_layerwise_groups(self.model, self.args.learning_rate, decay, self.args.weight_decay)
        self.optimizer: Any = cls(groups, **options)
        return self.optimizer

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Scores the model as it stands, and logs it as `eval_exact_match`, `eval_f1` ..."""
        metrics = {f"eval_{name}": value for name, value in self.score().items()}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_checkpoint(self, *_: Any, **__: Any) -> None:
        """Writes a checkpoint whole or not at all; one that cannot be written is said, and costs no training."""
        step = self.state.global_step
        partial = self.checkpoints.get_partial_path(step)
        if get_local_rank() == 0:
            shutil.rmtree(partial, ignore_errors=True)  # of a process killed here before
        if all(
            all_gather_object(self.checkpoints.has_checkpoint(step))
        ):  # which is also where all wait for the removal
            return
        problem = None
        try:
            partial.mkdir(parents=True, exist_ok=True)
            self.save_model(str(partial), _internal_call=True)
            self._save_optimizer_and_scheduler(str(partial))
            self._save_rng_state(str(partial))
            if is_main():
                self.state.save_to_json(str(partial / STATE))
        except (OSError, RuntimeError, SafetensorError) as error:  # by which library meets the full disk
            problem = explain_write_failure(error, self.checkpoints.run_dir)
        problem = _get_first_problem(all_gather_object(problem))
        if problem is None:
            problem = _get_first_problem(all_gather_object(self._complete_checkpoint(step) if is_main() else None))
        if problem is None and get_local_rank() == 0 and partial.is_dir():  # another machine, with a disk of its own
            problem = self._complete_checkpoint(step)
        if problem is not None:
            shutil.rmtree(partial, ignore_errors=True)
            if is_main():
                self.checkpoints.tidy()
                log.warning("step %d: no checkpoint could be written (%s); training goes on without it", step, problem)

    def _complete_checkpoint(self, step: int) -> str | None:
        try:
            self.checkpoints.complete(step)
            self.checkpoints.keep_newest(self.config.training.save_total_limit)
        except OSError as error:
            return explain_write_failure(error, self.checkpoints.run_dir)
        return None


def _get_first_problem(problems: list[str | None]) -> str | None:
    return next((problem for problem in problems if problem), None)


class _EpochsAndLastCheckpoint(TrainerCallback):  # type: ignore[misc]
    """Tells the batches which epoch begins, and asks for a checkpoint when nothing is left to train but to score."""

    def __init__(self, batches: WindowBatchSampler) -> None:
        self.batches = batches

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.batches.set_epoch(state.global_step // self.batches.steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step >= state.max_steps and args.save_strategy != Interval.no.value:
            control.should_save = True


def _collate_share(batch: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The sampler gives one share at a time: it is the batch."""
    return batch[0]
