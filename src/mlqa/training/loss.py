"""The loss of a forward pass, whatever way its windows share rows."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch

from mlqa.batching.packed_rows import unpack_logits
from mlqa.batching.packing_support import Packing
from mlqa.models.cpu_functions import CpuFunctions


def compute_span_loss(
    model: Any,
    inputs: dict[str, Any],
    packing: Packing | None,
    is_plain: bool,
) -> tuple[torch.Tensor, Any]:
    """Compute the mean cross-entropy of start and end positions over all positions except padding.

    transformers' heads include padding in the softmax, so their loss depends on how a batch is padded.

    Args:
        model: The model.
        inputs: The tensors of one pass. Those that the model does not take are removed, the labels included.
        packing: How several windows share a row, None if each has its own.
        is_plain: Whether the model runs with torch's own functions. If all windows share one row, it never does.

    Returns:
        The loss, and the output of the model.
    """
    labels = [inputs.pop(name) for name in ("start_positions", "end_positions")]
    weight = inputs.pop("weight", 1.0)
    if packing is None:
        padding = inputs["attention_mask"] == 0
        with nullcontext() if is_plain else CpuFunctions():
            output = model(**inputs)
        all_logits = [logits.masked_fill(padding, -torch.inf) for logits in (output.start_logits, output.end_logits)]
    else:
        begins, lengths = inputs.pop("window_begins"), inputs.pop("window_lengths")
        row = lengths.tolist() if packing.mask is None else None
        if packing.mask is not None:
            inputs["attention_mask"] = packing.mask(inputs.pop("segments"))
        with nullcontext() if is_plain and row is None else CpuFunctions(row):
            output = model(**inputs)
        all_logits = [unpack_logits(logits, begins, lengths) for logits in (output.start_logits, output.end_logits)]
    losses = [
        torch.nn.functional.cross_entropy(logits.float(), positions)
        for logits, positions in zip(all_logits, labels, strict=True)
    ]
    return weight * (losses[0] + losses[1]) / 2, output
