"""Shares of steps to tensors: which windows of a share are read in one forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from mlqa.batching.packed_rows import make_packed_batch
from mlqa.batching.packing_support import Packing
from mlqa.batching.sampler import Share, make_batch
from mlqa.features.windows import Windows

# A pass starts a hundred or more kernels a layer, whatever it reads; a position takes 72 x hidden_size^2 operations a
# layer, forward and backward. On a CPU 5 ms a layer at 60 GFLOP/s: a small encoder takes the same
# time on TQuAD with a fifth of it or four times as much, and 15 % more with eighteen times as much.
CPU_OPERATIONS = 5e-3 * 60e9
# On a GPU 1.5 ms a layer at a third of its peak in half precision, by compute capability (V100, T4, A10G; A100 and
# whatever is not listed): estimates, not measured. The faster the GPU, the less it pays to cut a step.
GPU_LAYER_SECONDS = 1.5e-3
GPU_TERAFLOPS = {(7, 0): 40, (7, 5): 20, (8, 6): 30}
OTHER_TERAFLOPS = 100
USUAL_SHARE = 16  # windows
LEAST = 16  # positions: matrices of fewer lines are no faster


class ShareDataset(Dataset[dict[str, list[dict[str, torch.Tensor]]]]):
    """Shares of steps as a torch data set, whose tensors are made when they are read; as long as there are windows.

    A share is {"passes": [the inputs of one forward pass ...]}.
    """

    def __init__(self, windows: Windows, multiple: int | None, packing: Packing | None) -> None:
        self.windows, self.multiple, self.packing = windows, multiple, packing

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, share: Share) -> dict[str, list[dict[str, torch.Tensor]]]:
        passes, begin = [], 0
        for chosen in share.split_passes():
            weight = torch.tensor(share.weight * len(chosen) / len(share.windows))
            passes.append({**self.read(chosen, int(share.longest[begin])), "weight": weight})
            begin += len(chosen)
        return {"passes": passes}

    def read(self, chosen: np.ndarray, longest: int = 0) -> dict[str, torch.Tensor]:
        """The inputs of one forward pass, as wide as a window of `longest` tokens needs."""
        if self.packing is None:
            return make_batch(self.windows, chosen, self.multiple, longest)
        return make_packed_batch(self.windows, chosen, self.multiple or 1, self.packing.first_position)


def estimate_pass_overhead(model: Any, device: torch.device, step_size: int) -> float:
    """Positions that a pass costs beside its own: the time of starting it, told in those that could be read in it.

    A step of more windows than USUAL_SHARE is taken to be shared by so many more processes, each of which starts its
    passes. Not by their true number: a step must be cut alike however it is shared.
    """
    operations = CPU_OPERATIONS
    if device.type == "cuda":
        teraflops = GPU_TERAFLOPS.get(torch.cuda.get_device_capability(device), OTHER_TERAFLOPS)
        operations = GPU_LAYER_SECONDS * teraflops * 1e12
    hidden: int = getattr(model.config, "hidden_size", None) or model.get_input_embeddings().embedding_dim
    return max(LEAST, operations / (72 * hidden**2)) * max(1.0, step_size / USUAL_SHARE)
