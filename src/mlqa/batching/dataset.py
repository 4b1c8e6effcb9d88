"""Dataset of shares: the tensors that one process reads of an optimizer step."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from mlqa.batching.packed_rows import make_packed_batch
from mlqa.batching.packing_support import Packing
from mlqa.batching.padded_rows import make_batch
from mlqa.batching.sampler import Share
from mlqa.features.windows import Windows


class ShareDataset(Dataset[dict[str, list[dict[str, torch.Tensor]]]]):
    """torch data set that is indexed by shares and builds their tensors when they are read.

    Its length is the number of windows. An item is {"passes": [inputs of one forward pass, ...]}.
    """

    def __init__(self, windows: Windows, multiple: int | None, packing: Packing | None) -> None:
        """Choose how windows become tensors.

        Args:
            windows: Windows of the split.
            multiple: Widths are multiples of this many tokens. If None, every row is max_seq_length wide.
            packing: How the model takes packed rows. If None, every window has a row of its own.
        """
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
        """Build the inputs of one forward pass, with room for a window of `longest` tokens."""
        if self.packing is None:
            return make_batch(self.windows, chosen, self.multiple, longest)
        one_row = self.packing.mask is None
        return make_packed_batch(self.windows, chosen, self.multiple or 1, self.packing.first_position, one_row)
