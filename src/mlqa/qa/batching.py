"""Windows to batches: which windows share a batch, how wide it is, and the tensors of one batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from mlqa.config import Batching
from mlqa.qa.features import Windows

MEGABATCH = 50  # batches whose windows are sorted by length together: long enough to save padding, still random


class WindowBatches(torch.utils.data.Sampler[list[int]]):
    """Batches of window numbers, in an order that follows from seed and epoch alone.

    `grouped` sorts by length inside random megabatches, so that a batch holds windows of like length; `padded` is a
    plain shuffle. The epoch advances by itself; `set_epoch` sets it, for a run that goes on where another ended.
    """

    def __init__(self, lengths: np.ndarray, batch_size: int, batching: Batching, seed: int) -> None:
        self.lengths, self.batch_size, self.batching, self.seed = lengths, batch_size, batching, seed
        self.drop_last = False
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng((self.seed, self.epoch))
        self.epoch += 1
        order = random.permutation(len(self.lengths))
        if self.batching is Batching.grouped:
            size = self.batch_size * MEGABATCH
            parts = [order[begin : begin + size] for begin in range(0, len(order), size)]
            order = np.concatenate([part[np.argsort(-self.lengths[part], kind="stable")] for part in parts])
        batches = [order[begin : begin + self.batch_size] for begin in range(0, len(order), self.batch_size)]
        if self.batching is Batching.grouped:
            batches = [batches[index] for index in random.permutation(len(batches))]
        yield from (batch.tolist() for batch in batches)


def by_length(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Window numbers in batches of like length, longest first: for scoring, where order does not matter."""
    order = np.argsort(-lengths, kind="stable")
    return [order[begin : begin + batch_size] for begin in range(0, len(order), batch_size)]


def make_batch(windows: Windows, chosen: np.ndarray | list[int], multiple: int | None) -> dict[str, torch.Tensor]:
    """The model's inputs and labels for the chosen windows, each tensor [windows, width] or [windows].

    The width is the longest chosen window rounded up to `multiple` (few different widths: kernels are made once
    a shape), or max_seq_length where `multiple` is None.
    """
    chosen = np.asarray(chosen)
    template, lengths = windows.template, windows.lengths[chosen]
    width = windows.max_seq_length
    if multiple is not None:
        width = min(width, -(-int(lengths.max()) // multiple) * multiple)
    input_ids = np.full((len(chosen), width), template.pad_id, dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    token_type_ids = np.zeros_like(input_ids)
    left = width - lengths if template.pad_left else np.zeros_like(lengths)
    first_kinds, question_kind, middle_kinds, context_kind, last_kinds = template.kinds
    for line, window in enumerate(chosen):
        row = windows.row[window]
        question = windows.question.ids[windows.question.first[row] : windows.question.first[row + 1]]
        context = windows.context.ids[windows.begin[window] : windows.end[window]]
        place = slice(left[line], left[line] + lengths[line])
        np.concatenate(
            [template.before, question, template.between, context, template.after], out=input_ids[line, place]
        )
        attention_mask[line, place] = 1
        if template.has_token_type_ids:
            question_kinds = np.full(len(question), question_kind)
            context_kinds = np.full(len(context), context_kind)
            np.concatenate(
                [first_kinds, question_kinds, middle_kinds, context_kinds, last_kinds], out=token_type_ids[line, place]
            )
    batch = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "start_positions": windows.start_positions[chosen] + left,
        "end_positions": windows.end_positions[chosen] + left,
    }
    if template.has_token_type_ids:
        batch["token_type_ids"] = token_type_ids
    return {name: torch.from_numpy(array) for name, array in batch.items()}
