"""transformers' Trainer with the ends replaced: our batches, a loss that sees no padding, scores by our decoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback

from mlqa.config import Batching, Config
from mlqa.qa.batching import WindowBatches, make_batch
from mlqa.qa.features import Windows
from mlqa.training.arguments import training_arguments
from mlqa.training.optimizer import layerwise_groups


class WindowNumbers(Dataset[int]):
    """Window numbers as a torch data set: the tensors are made a batch at a time."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, number: int) -> int:
        return number


class QuestionAnsweringTrainer(Trainer):  # type: ignore[misc]  # transformers is not typed
    """Trains on windows; `score` is called for the metrics of an evaluation, by the model as it then stands."""

    def __init__(
        self,
        config: Config,
        model: Any,
        windows: Windows,
        score: Callable[[], dict[str, float]],
        callbacks: list[TrainerCallback],
    ) -> None:
        self.config = config
        self.windows = windows
        self.score = score
        numbers = WindowNumbers(windows)
        super().__init__(
            model=model,
            args=training_arguments(config),
            train_dataset=numbers,
            eval_dataset=numbers,  # transformers asks for one where eval_strategy is set; `evaluate` does not use it
            callbacks=callbacks,
        )
        self.remove_callback(PrinterCallback)
        # The loss is a mean over the batch: it has to be divided by gradient_accumulation_steps.
        self.model_accepts_loss_kwargs = False

    def get_train_dataloader(self) -> DataLoader[Any]:
        training = self.config.training
        multiple = None if training.batching is Batching.padded else training.pad_to_multiple_of
        batches = WindowBatches(
            self.windows.lengths, self.args.train_batch_size, training.batching, seed=self.config.seed
        )
        self.add_callback(_EpochOfBatches(batches))
        loader = DataLoader(
            self.train_dataset,
            batch_sampler=batches,
            collate_fn=lambda numbers: make_batch(self.windows, numbers, multiple),
            num_workers=training.dataloader_num_workers,
            pin_memory=torch.cuda.is_available(),
        )
        return self.accelerator.prepare(loader)  # type: ignore[no-any-return]

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **_: Any) -> Any:
        """Mean cross-entropy of start and end positions over the positions that are no padding.

        transformers' heads include padding in the softmax, so that their loss depends on how a batch was padded.
        """
        positions = {name: inputs.pop(name) for name in ("start_positions", "end_positions")}
        output = model(**inputs)
        padding = inputs["attention_mask"] == 0
        losses = [
            torch.nn.functional.cross_entropy(logits.float().masked_fill(padding, -torch.inf), wanted)
            for logits, wanted in (
                (output.start_logits, positions["start_positions"]),
                (output.end_logits, positions["end_positions"]),
            )
        ]
        loss = (losses[0] + losses[1]) / 2
        return (loss, output) if return_outputs else loss

    def create_optimizer(self, *args: Any) -> Any:
        decay = self.config.optimizer.layerwise_decay
        if decay is None:
            return super().create_optimizer(*args)
        cls, options = self.get_optimizer_cls_and_kwargs(self.args)
        groups = layerwise_groups(self.model, self.args.learning_rate, decay, self.args.weight_decay)
        self.optimizer: Any = cls(groups, **options)
        return self.optimizer

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Scores the model as it stands, and logs it as `eval_exact_match`, `eval_f1` ..."""
        metrics = {f"eval_{name}": value for name, value in self.score().items()}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _EpochOfBatches(TrainerCallback):  # type: ignore[misc]
    """Tells the batches which epoch begins, also where a run goes on from a checkpoint."""

    def __init__(self, batches: WindowBatches) -> None:
        self.batches = batches

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.batches.set_epoch(round(state.epoch or 0))
