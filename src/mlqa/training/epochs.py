"""What happens at the end of an epoch and of training: evaluations, and the last checkpoint."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from mlqa.batching.sampler import WindowBatchSampler
from mlqa.config.schema import Interval


class EpochsAndLastCheckpoint(TrainerCallback):  # type: ignore[misc]
    """Tell the sampler which epoch begins, and request a checkpoint when training ends and scoring is left.

    An evaluation at the end of an epoch takes place in its last step. A checkpoint of this step is then written after
    the evaluation, and a run that resumes from it has not missed one.
    """

    def __init__(self, batches: WindowBatchSampler, by_epoch: bool, at_end: bool) -> None:
        self.batches = batches
        self.by_epoch = by_epoch  # whether each epoch ends with an evaluation
        self.at_end = at_end  # whether training ends with an evaluation

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Tell the sampler which epoch begins."""
        self.batches.set_epoch(state.global_step // self.batches.steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Request a checkpoint after the last step, and an evaluation after an epoch's last."""
        is_last = state.global_step >= state.max_steps
        if is_last and args.save_strategy != Interval.no.value:
            control.should_save = True
        if (self.by_epoch and (is_last or state.global_step % self.batches.steps == 0)) or (self.at_end and is_last):
            control.should_evaluate = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Cancel the evaluation that transformers would make after the epoch, because it has taken place."""
        if self.by_epoch:
            control.should_evaluate = False
