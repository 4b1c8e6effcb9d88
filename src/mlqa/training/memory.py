"""Find out before training whether a step fits into the memory of the device, and into how many parts to split it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
        with (
            _cap_memory(device),
            torch.random.fork_rng(),
            torch.autocast(device.type, autocast, enabled=autocast is not None),
        ):
            moments = [torch.empty_like(part) for part in model.parameters() if part.requires_grad for _ in range(2)]
            loss(windows).backward()  # type: ignore[no-untyped-call]
            del moments
    finally:
        model.zero_grad(set_to_none=True)
        model.train(training)


@contextmanager
def _cap_memory(device: torch.device) -> Iterator[None]:
    """Let an allocation fail that this machine has no memory for. Linux would grant it and then kill the process."""
    available = _measure_available_bytes() if device.type == "cpu" else None
    if available is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    in_use = _read_kilobytes(Path("/proc/self/status"), "VmData")
    limits = [in_use + available, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _measure_available_bytes() -> int | None:
    """Return the memory that is left to this process, by the machine and by its cgroup. None if it is not Linux."""
    if not Path("/proc/meminfo").is_file():
        return None
    available = _read_kilobytes(Path("/proc/meminfo"), "MemAvailable")
    with suppress(OSError, ValueError):  # without a limit, memory.max is the word "max"
        cgroup = Path("/sys/fs/cgroup")
        limit, current = (int((cgroup / f"memory.{name}").read_text()) for name in ("max", "current"))
        cache = re.search(r"^inactive_file (\d+)", (cgroup / "memory.stat").read_text(), re.MULTILINE)
        available = min(available, limit - current + (int(cache.group(1)) if cache else 0))
    return available


def _read_kilobytes(path: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


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
                "not even one window fits into the memory of the device: set training.gradient_checkpointing=true, "
                "lower training.max_seq_length, or choose a smaller model (model.num_hidden_layers keeps fewer layers)"
            )
        accumulation *= 2
