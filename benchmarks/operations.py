"""How many operations steps take, how long, and how many the machine can do."""

from __future__ import annotations

import itertools
import time
from typing import Any

import torch
from transformers import TrainerCallback


class Clock(TrainerCallback):  # type: ignore[misc]
    """Seconds from the end of the first step to the end of the last, reading batches included."""

    now = time.perf_counter

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Record the end of a step, also of what a GPU has still to do."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(self.now())

    @property
    def seconds(self) -> float:
        """Seconds of all steps but the first."""
        return self.ends[-1] - self.ends[0]


def measure_peak(device: str = "cpu", kind: torch.dtype = torch.float32, size: int = 1536) -> float:
    """Return the operations per second of a large matrix product, by the clock of the steps."""
    first, second = (torch.randn(size, size, dtype=kind, device=device) for _ in range(2))
    clock = Clock()
    for _ in range(6):
        torch.mm(first, second)
        clock.on_step_end()
    return 2 * size**3 / min(end - begin for begin, end in itertools.pairwise(clock.ends))


def count_operations(model: Any, shapes: list[tuple[int, int]]) -> float:
    """Return the operations of the matrix products of forward and backward passes.

    Args:
        model: The model.
        shapes: (windows, width) of each pass.
    """
    embeddings = {id(part.weight) for part in model.modules() if isinstance(part, torch.nn.Embedding)}
    matrices = sum(part.numel() for part in model.parameters() if part.ndim > 1 and id(part) not in embeddings)
    positions, pairs = (sum(windows * width**power for windows, width in shapes) for power in (1, 2))
    return float(6 * matrices * positions + 12 * model.config.num_hidden_layers * model.config.hidden_size * pairs)
