"""Which windows of a mix an epoch reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlqa.data.mixing import MixedSet
from mlqa.features.windows import Windows


class Mixture:
    """Draws the windows of each epoch, by seed and epoch alone.

    Each set is read over and over, in another order each time, and an epoch takes the next windows. So a set of which
    an epoch reads half is read whole in two epochs, and one that is read twice an epoch gives every row twice. The
    number of windows is the same in every epoch. The windows of a row stay together, except those of the last row.
    """

    def __init__(self, windows: Windows, sets: Sequence[MixedSet], seed: int) -> None:
        """Find the windows of each set.

        Args:
            windows: The windows of the mixed train split.
            sets: Its sets, in its order.
            seed: The seed of the order.
        """
        ends = np.cumsum([each.rows for each in sets])
        self.windows = np.split(np.arange(len(windows)), np.searchsorted(windows.row, ends[:-1]))
        self.rows = [windows.row[numbers] for numbers in self.windows]
        self.counts = [
            max(1, round(len(numbers) * each.rows_per_epoch / each.rows))
            for numbers, each in zip(self.windows, sets, strict=True)
        ]
        self.seed = seed

    def __len__(self) -> int:
        """Return the number of windows that an epoch reads."""
        return sum(self.counts)

    def draw(self, epoch: int) -> np.ndarray:
        """Return the windows of an epoch, set after set [windows of an epoch].

        Args:
            epoch: The number of the epoch, from 0.
        """
        return np.concatenate([self._draw_set(number, epoch) for number in range(len(self.windows))])

    def _draw_set(self, number: int, epoch: int) -> np.ndarray:
        size, count = len(self.windows[number]), self.counts[number]
        first, last = epoch * count, (epoch + 1) * count
        passes = range(first // size, -(-last // size))
        taken = np.concatenate([self._order_pass(number, each) for each in passes])
        return taken[first - passes.start * size :][:count]

    def _order_pass(self, number: int, each: int) -> np.ndarray:
        """Return all windows of a set in the order of one pass, the windows of a row together."""
        rows = self.rows[number]
        place = np.random.default_rng((self.seed, number, each)).permutation(rows[-1] - rows[0] + 1)
        return self.windows[number][np.argsort(place[rows - rows[0]], kind="stable")]
