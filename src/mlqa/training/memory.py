"""Steps that do not fit into the device's memory: found out before the training, and read in parts."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from mlqa.distributed import all_gather_object
from mlqa.errors import RunError

log = logging.getLogger(__name__)


def try_largest_windows(
    model: torch.nn.Module, loss: Callable[[int], torch.Tensor], windows: int, autocast: torch.dtype | None
) -> None:
    """One forward and backward pass over the `windows` longest windows, beside the room that AdamW will take.

    `loss(windows)` computes theirs. Neither gradients nor random states are changed.
    """
    device = next(model.parameters()).device
    training = model.training
    model.train()
    try:
        with torch.random.fork_rng(), torch.autocast(device.type, autocast, enabled=autocast is not None):
            moments = [torch.empty_like(part) for part in model.parameters() if part.requires_grad for _ in range(2)]
            loss(windows).backward()  # type: ignore[no-untyped-call]
            del moments
    finally:
        model.zero_grad(set_to_none=True)
        model.train(training)


def find_fitting_accumulation(attempt: Callable[[int], None], step_size: int, accumulation: int) -> int:
    """The parts of which a step has to consist: `accumulation`, doubled until one part fits on every process.

    `attempt(windows)` trains on that many windows without a trace; out of memory it raises torch's RuntimeError, any
    other of which passes. transformers' auto_find_batch_size takes smaller steps instead, which is another training.
    Raises RunError where a single window does not fit.
    """
    from accelerate.utils.memory import should_reduce_batch_size

    wanted = accumulation
    while True:
        windows = -(-step_size // accumulation)
        fits = True
        try:
            attempt(windows)
        except RuntimeError as error:
            if not should_reduce_batch_size(error):
                raise
            fits = False
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if all(all_gather_object(fits)):
            if accumulation > wanted:
                log.info("%d windows at a time, %d times a step: more do not fit into memory", windows, accumulation)
            return accumulation
        if windows == 1:
            raise RunError(
                "not even one window fits into the device's memory: set training.gradient_checkpointing=true, or lower "
                "training.max_seq_length"
            )
        accumulation *= 2
