"""Batch windows one per row, padded to a common width."""

from __future__ import annotations

import numpy as np
import torch

from mlqa.features.windows import Windows


def make_batch(
    windows: Windows, chosen: np.ndarray | list[int], multiple: int | None, longest: int = 0
) -> dict[str, torch.Tensor]:
    """Build the model's inputs and labels for the chosen windows.

    Args:
        windows: Windows of a split.
        chosen: Numbers of the windows to read.
        multiple: The width is rounded up to a multiple of this many tokens. Few different widths mean few compiled
            kernels. If None, or if the model reads one width only, the width is max_seq_length.
        longest: Length in tokens that the batch must at least have room for.

    Returns:
        Inputs [windows, width] and `start_positions`, `end_positions` [windows], all int64.
    """
    chosen = np.asarray(chosen)
    template, lengths = windows.template, windows.lengths[chosen]
    width = windows.max_seq_length
    if multiple is not None and not template.one_width:
        width = min(width, -(-max(longest, int(lengths.max())) // multiple) * multiple)
    input_ids = np.full((len(chosen), width), template.pad_id, dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    token_type_ids = np.zeros_like(input_ids)
    for line, window in enumerate(chosen.tolist()):
        place = slice(0, lengths[line])
        windows.write(window, input_ids[line, place], token_type_ids[line, place])
        attention_mask[line, place] = 1
    batch = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "start_positions": windows.start_positions[chosen],
        "end_positions": windows.end_positions[chosen],
    }
    if template.has_token_type_ids:
        batch["token_type_ids"] = token_type_ids
    return {name: torch.from_numpy(array) for name, array in batch.items()}
