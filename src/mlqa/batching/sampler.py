"""Sample optimizer steps, and decide which process reads which windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from mlqa.batching.mixture import Mixture
from mlqa.features.windows import Windows


@dataclass(frozen=True)
class Share:
    """The part of an optimizer step that one process reads at a time.

    Attributes:
        windows: Window numbers, longest first [windows].
        longest: For each window, the length in tokens of the longest window in its forward pass, counted over all
            shares of the step [windows]. A window is therefore padded alike however a step is shared.
        weight: Factor for the mean loss of the share. With it, the mean over the shares of a step equals the mean over
            its windows, even if the shares differ in size.
    """

    windows: np.ndarray
    longest: np.ndarray
    weight: float

    def split_passes(self) -> list[np.ndarray]:
        """Return the window numbers of each forward pass."""
        return np.split(self.windows, np.flatnonzero(np.diff(self.longest)) + 1)


class WindowBatchSampler(torch.utils.data.Sampler[list[Share]]):
    """Sampler of this process's shares of every step, in an order that only depends on seed and epoch.

    The `step_size` windows of a step are drawn first. They are then dealt out by length over `accumulation` times
    `world_size` shares. The steps of a run are therefore the same however they are split, and all shares cost about the
    same. Cutting a share into forward passes does not change the step.
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
        mixture: Mixture | None = None,
    ) -> None:
        """Prepare the sampler for one process.

        Args:
            lengths: Tokens of each window [windows].
            step_size: Windows per optimizer step, over all processes.
            seed: Seed of the order.
            cut: Function from the lengths of a step, longest first, to the number of windows in each forward pass. If
                None, each share is read in one pass.
            accumulation: Shares that each process reads per step (gradient_accumulation_steps).
            rank: Rank of this process.
            world_size: Number of processes.
            mixture: Draws the windows of each epoch. If None, an epoch reads every window once.
        """
        self.mixture = mixture
        self.lengths, self.step_size, self.seed, self.cut = lengths, step_size, seed, cut
        self.accumulation, self.rank, self.world_size = accumulation, rank, world_size
        self.drop_last = False  # accelerate reads it, and batch_size
        self.epoch = 0

    @property
    def batch_size(self) -> int:
        """The largest number of windows that one process reads at a time."""
        return -(-self.step_size // (self.accumulation * self.world_size))

    @property
    def windows_per_epoch(self) -> int:
        """Windows that all processes read per epoch."""
        return len(self.lengths if self.mixture is None else self.mixture)

    @property
    def steps(self) -> int:
        """Optimizer steps per epoch."""
        return -(-self.windows_per_epoch // self.step_size)

    def __len__(self) -> int:
        return self.steps * self.accumulation

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration draws."""
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
                # An empty share reads one window with weight 0, because every process must take part in every step.
                read = mine if weight else slice(-1, None)
                yield [Share(step[read], longest[read], weight)]

    def _draw_steps(self) -> list[np.ndarray]:
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(self.windows_per_epoch)
        if self.mixture is not None:
            order = self.mixture.draw(self.epoch)[order]
        return [order[begin : begin + self.step_size] for begin in range(0, len(order), self.step_size)]


def shard_rows(windows: Windows, multiple: int, rank: int, world_size: int) -> np.ndarray:
    """Return the rows that one process answers.

    Each row belongs to exactly one process, and the positions to read are spread evenly.

    Args:
        windows: Windows of all rows.
        multiple: Lengths are rounded up to a multiple of this many tokens.
        rank: Rank of the process.
        world_size: Number of processes.

    Returns:
        Row numbers in ascending order [rows of the process].
    """
    widths = -(-windows.lengths // multiple)
    cost = np.bincount(windows.row, weights=widths, minlength=len(windows.question))
    return np.sort(np.argsort(-cost, kind="stable")[rank::world_size])
