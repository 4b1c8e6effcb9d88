"""Find out before training whether a step fits into the memory of the device, and into how many parts to split it."""

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
    """Run one forward and backward pass over the longest windows, with the memory that AdamW will take allocated.

    Gradients and random states stay as they are.

    Args:
        model: The model on its device.
        loss: Computes the loss of the given number of longest windows.
        windows: The number of windows.
        autocast: The type of mixed precision, or None for full precision.
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
    """Double the parts of a step until one part fits into memory on every process.

    The step stays the same. transformers' auto_find_batch_size takes smaller steps instead, which changes the training.

    Args:
        attempt: Trains on the given number of windows and leaves no trace. It raises torch's RuntimeError if these do
            not fit into memory.
        step_size: Windows per step and process.
        accumulation: The parts of a step to begin with.

    Returns:
        The number of parts of a step.

    Raises:
        RunError: Not even one window fits.
        RuntimeError: `attempt` failed for another reason.
    """
    from accelerate.utils.memory import should_reduce_batch_size

    configured = accumulation
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
            if accumulation > configured:
                log.info("%d windows at a time, %d times per step: more do not fit into memory", windows, accumulation)
            return accumulation
        if windows == 1:
            raise RunError(
                "not even one window fits into the memory of the device: set training.gradient_checkpointing=true or "
                "lower training.max_seq_length"
            )
        accumulation *= 2
