"""Decide which windows share a forward pass, in training and in scoring."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

# A pass starts a hundred or more kernels per layer, whatever it reads. A position takes 72 x hidden_size^2 operations
# per layer, forward and backward. On a CPU, assume 5 ms per layer at 60 GFLOP/s. On TQuAD, a small encoder takes the
# same time with a fifth or four times this value, and 15 % more with eighteen times it.
CPU_RATE = 60e9
CPU_OPERATIONS = 5e-3 * CPU_RATE
# Each pass also makes a gradient of all embeddings and adds it to those of earlier passes, however few tokens it has:
# 3.2 to 4.7 ns per value on a CPU. For the 250,000 entries of a multilingual vocabulary this is a third of a second.
CPU_SECONDS_PER_EMBEDDING = 3.5e-9
# On a GPU, assume 1.5 ms per layer at a third of its half-precision peak, by compute capability (V100, T4, A10G; the
# A100 and all unlisted GPUs use OTHER_TERAFLOPS). These are estimates, not measurements. A faster GPU gains less from
# cutting a step.
GPU_LAYER_SECONDS = 1.5e-3
GPU_TERAFLOPS = {(7, 0): 40, (7, 5): 20, (8, 6): 30}
OTHER_TERAFLOPS = 100
USUAL_SHARE = 16  # windows
USUAL_LAYERS = 12
MIN_OVERHEAD = 16  # positions: matrices with fewer rows are no faster


def estimate_pass_overhead(model: Any, device: torch.device, step_size: int) -> float:
    """Estimate the fixed cost of a forward pass.

    A step of more than USUAL_SHARE windows is treated as if it were shared by proportionally more processes, each of
    which starts its own passes. The actual number of processes does not count, because a step must be cut alike
    however it is shared.

    Args:
        model: The model, of which the hidden size, the layers and the size of the embeddings are read.
        device: Device that the model runs on.
        step_size: Windows per optimizer step, over all processes.

    Returns:
        The number of positions that could be read in the time that starting a pass takes.
    """
    embeddings = model.get_input_embeddings()
    if device.type == "cuda":
        teraflops = GPU_TERAFLOPS.get(torch.cuda.get_device_capability(device), OTHER_TERAFLOPS)
        operations = GPU_LAYER_SECONDS * teraflops * 1e12
    else:
        gradient_seconds = CPU_SECONDS_PER_EMBEDDING * embeddings.weight.numel()
        layers = getattr(model.config, "num_hidden_layers", None) or USUAL_LAYERS
        operations = CPU_OPERATIONS + CPU_RATE * gradient_seconds / layers
    hidden: int = getattr(model.config, "hidden_size", None) or embeddings.embedding_dim
    return max(MIN_OVERHEAD, operations / (72 * hidden**2)) * max(1.0, step_size / USUAL_SHARE)


def cut_by_length(lengths: np.ndarray, multiple: int, overhead: float) -> list[int]:
    """Cut a step into forward passes at the lowest total cost.

    A pass costs `overhead` positions plus those it reads: its number of windows times the longest one, rounded up to
    `multiple`. Dynamic programming compares all cuts in O(windows^2).

    Args:
        lengths: Tokens of each window, longest first [windows].
        multiple: Widths are multiples of this many tokens.
        overhead: Fixed cost of a pass, in positions.

    Returns:
        The number of windows in each pass.
    """
    widths = -(-np.asarray(lengths) // multiple) * multiple
    cheapest = np.zeros(len(widths) + 1)  # cost of the first `count` windows
    begin = np.zeros(len(widths) + 1, dtype=np.int64)  # first window of their last pass
    for count in range(1, len(widths) + 1):
        costs = cheapest[:count] + overhead + np.arange(count, 0, -1) * widths[:count]
        begin[count] = costs.argmin()
        cheapest[count] = costs[begin[count]]
    sizes = []
    left = len(widths)
    while left:
        sizes.append(int(left - begin[left]))
        left = int(begin[left])
    return sizes[::-1]


def bucket_by_length(lengths: np.ndarray, batch_size: int, multiple: int) -> list[np.ndarray]:
    """Batch windows of equal width for scoring, longest first.

    All lengths in a batch are equal when rounded up to `multiple`. A window is therefore always read at the same width,
    and scores do not depend on how windows are divided among batches and processes.

    Args:
        lengths: Tokens of each window [windows].
        batch_size: The largest number of windows per batch.
        multiple: Widths are multiples of this many tokens.

    Returns:
        The window numbers of each batch.
    """
    order = np.argsort(-lengths, kind="stable")
    widths = -(-lengths[order] // multiple)
    groups = np.split(order, np.flatnonzero(np.diff(widths)) + 1)
    return [group[begin : begin + batch_size] for group in groups for begin in range(0, len(group), batch_size)]
