"""Windows to batches: which windows make an optimizer step, who reads which of them, and the tensors of one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from mlqa.features.windows import Windows


@dataclass(frozen=True)
class Share:
    """What one process reads of an optimizer step at a time, its windows longest first.

    `longest`: for each window, tokens of the longest one in its forward pass, whoever reads that: a window is padded
    alike however a step is shared. `weight`: of the share's mean loss, such that the mean over the step's shares is the
    mean over its windows, however unevenly they are shared.
    """

    windows: np.ndarray
    longest: np.ndarray
    weight: float

    def split_passes(self) -> list[np.ndarray]:
        """The windows of each forward pass."""
        return np.split(self.windows, np.flatnonzero(np.diff(self.longest)) + 1)


class WindowBatchSampler(torch.utils.data.Sampler[list[Share]]):
    """This process's shares of every step, in an order that follows from seed and epoch alone.

    A step's `step_size` windows are drawn first and then shared out over `shares` = gradient_accumulation_steps times
    the number of processes, so that the steps of a run are the same however they are split; dealt by length, so that
    each share costs the same. What shares a forward pass is a question of its own, and changes no step: `cut` says how
    many windows each pass reads, of lengths that come longest first; without it a step is read in one.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        step_size: int,
        seed: int,
        *,
        cut: Callable[[np.ndarray], list[int]] | None = None,
        accumulation: int = 1,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.lengths, self.step_size, self.seed, self.cut = lengths, step_size, seed, cut
        self.accumulation, self.rank, self.world_size = accumulation, rank, world_size
        self.drop_last = False  # accelerate asks for it, and for batch_size
        self.epoch = 0

    @property
    def batch_size(self) -> int:
        """Windows that one process reads at a time, at most."""
        return -(-self.step_size // (self.accumulation * self.world_size))

    @property
    def steps(self) -> int:
        """Optimizer steps an epoch."""
        return -(-len(self.lengths) // self.step_size)

    def __len__(self) -> int:
        return self.steps * self.accumulation

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[Share]]:
        shares = self.accumulation * self.world_size
        for step in self._draw_steps():
            step = step[np.argsort(-self.lengths[step], kind="stable")]
            lengths = self.lengths[step]
            sizes = self.cut(lengths) if self.cut else [len(step)]
            longest = np.repeat(lengths[np.cumsum([0, *sizes[:-1]])], sizes)
            for number in range(self.accumulation):
                mine = slice(number * self.world_size + self.rank, None, shares)
                weight = len(step[mine]) * shares / len(step)
                # A share of nothing reads one window for nothing: every process must take part in every step.
                read = mine if weight else slice(-1, None)
                yield [Share(step[read], longest[read], weight)]

    def _draw_steps(self) -> list[np.ndarray]:
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(len(self.lengths))
        return [order[begin : begin + self.step_size] for begin in range(0, len(order), self.step_size)]


def cut_by_length(lengths: np.ndarray, multiple: int, overhead: float) -> list[int]:
    """How many windows each forward pass reads, of windows that come longest first: the cheapest way to cut them.

    A pass costs `overhead` positions and those it reads: its windows times the longest one, rounded up to `multiple`.
    All cuts are compared, by dynamic programming: O(windows^2).
    """
    widths = -(-np.asarray(lengths) // multiple) * multiple
    cheapest = np.zeros(len(widths) + 1)  # of the first so many windows
    begin = np.zeros(len(widths) + 1, dtype=np.int64)  # of their last pass
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
    """Window numbers in batches of at most `batch_size`, longest first: for scoring, where order does not matter.

    The lengths of one batch are the same when rounded up to `multiple`. So a window is always read at the same width,
    whatever else is read: scores do not depend on how windows are shared out over batches and processes.
    """
    order = np.argsort(-lengths, kind="stable")
    widths = -(-lengths[order] // multiple)
    groups = np.split(order, np.flatnonzero(np.diff(widths)) + 1)
    return [group[begin : begin + batch_size] for group in groups for begin in range(0, len(group), batch_size)]


def shard_rows(windows: Windows, multiple: int, rank: int, world_size: int) -> np.ndarray:
    """The rows that one process answers, rising: each row is one process's, and positions to read are shared evenly."""
    widths = -(-windows.lengths // multiple)
    cost = np.bincount(windows.row, weights=widths, minlength=len(windows.question))
    return np.sort(np.argsort(-cost, kind="stable")[rank::world_size])


def make_batch(
    windows: Windows, chosen: np.ndarray | list[int], multiple: int | None, longest: int = 0
) -> dict[str, torch.Tensor]:
    """The model's inputs and labels for the chosen windows, each tensor [windows, width] or [windows].

    The width is the longest chosen window (or `longest`, if that is more) rounded up to `multiple` (few different
    widths: kernels are made once a shape), or max_seq_length where `multiple` is None.
    """
    chosen = np.asarray(chosen)
    template, lengths = windows.template, windows.lengths[chosen]
    width = windows.max_seq_length
    if multiple is not None:
        width = min(width, -(-max(longest, int(lengths.max())) // multiple) * multiple)
    input_ids = np.full((len(chosen), width), template.pad_id, dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    token_type_ids = np.zeros_like(input_ids)
    left = width - lengths if template.pad_left else np.zeros_like(lengths)
    for line, window in enumerate(chosen.tolist()):
        place = slice(left[line], left[line] + lengths[line])
        windows.write(window, input_ids[line, place], token_type_ids[line, place])
        attention_mask[line, place] = 1
    batch = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "start_positions": windows.start_positions[chosen] + left,
        "end_positions": windows.end_positions[chosen] + left,
    }
    if template.has_token_type_ids:
        batch["token_type_ids"] = token_type_ids
    return {name: torch.from_numpy(array) for name, array in batch.items()}
