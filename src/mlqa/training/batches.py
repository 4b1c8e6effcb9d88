"""Shares of steps to tensors: which windows of a share are read in one forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from mlqa.config import Batching
from mlqa.qa.batching import Share, cut_by_length, make_batch
from mlqa.qa.features import Windows
from mlqa.qa.packing import make_packed_batch
from mlqa.training.packing import Packing

# A pass starts a hundred or more kernels a layer, whatever it reads; a position takes 72 x hidden_size^2 operations a
# layer, forward and backward. On a CPU 5 ms a layer at 60 GFLOP/s (experiment=quickstart, two cores).
CPU_OPERATIONS = 5e-3 * 60e9
# On a GPU 1.5 ms a layer at a third of its peak in half precision, by compute capability (V100, T4, A10G; A100 and
# whatever is not listed): estimates, not measured. The faster the GPU, the less it pays to cut a step.
GPU_LAYER_SECONDS = 1.5e-3
GPU_TERAFLOPS = {(7, 0): 40, (7, 5): 20, (8, 6): 30}
OTHER_TERAFLOPS = 100
LEAST = 16  # positions: matrices of fewer lines are no faster


class Batches(Dataset[dict[str, list[dict[str, torch.Tensor]]]]):
    """Shares of steps as a torch data set, whose tensors are made when they are read; as long as there are windows.

    A share is {"passes": [the inputs of one forward pass ...]}. `grouped` cuts it by length, at `overhead` positions a
    pass; the others read it in one.
    """

    def __init__(
        self, windows: Windows, batching: Batching, multiple: int, packing: Packing | None, overhead: float
    ) -> None:
        self.windows, self.batching, self.packing, self.overhead = windows, batching, packing, overhead
        self.multiple = None if batching is Batching.padded else multiple

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, share: Share) -> dict[str, list[dict[str, torch.Tensor]]]:
        sizes = [len(share.windows)]
        if self.batching is Batching.grouped:
            sizes = cut_by_length(self.windows.lengths[share.windows], self.multiple or 1, self.overhead)
        parts = np.split(share.windows, np.cumsum(sizes)[:-1])
        weights = [share.weight * size / len(share.windows) for size in sizes]
        return {
            "passes": [
                {**self.read(part), "weight": torch.tensor(weight)} for part, weight in zip(parts, weights, strict=True)
            ]
        }

    def read(self, chosen: np.ndarray) -> dict[str, torch.Tensor]:
        """The inputs of one forward pass."""
        if self.packing is None:
            return make_batch(self.windows, chosen, self.multiple)
        return make_packed_batch(self.windows, chosen, self.multiple or 1, self.packing.first_position)


def overhead_of(model: Any, device: torch.device) -> float:
    """Positions that a pass costs beside its own: the time of starting it, told in those that could be read in it."""
    operations = CPU_OPERATIONS
    if device.type == "cuda":
        teraflops = GPU_TERAFLOPS.get(torch.cuda.get_device_capability(device), OTHER_TERAFLOPS)
        operations = GPU_LAYER_SECONDS * teraflops * 1e12
    hidden: int = getattr(model.config, "hidden_size", None) or model.get_input_embeddings().embedding_dim
    return max(LEAST, operations / (72 * hidden**2))
