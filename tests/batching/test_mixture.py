"""Which windows of a mix an epoch reads: as many in each, every row in turn, and nothing but seed and epoch decides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from mlqa.batching.mixture import Mixture
from mlqa.batching.sampler import WindowBatchSampler
from mlqa.data.mixing import MixedSet

# Three sets of 4, 6 and 3 rows. The second row of the second set has three windows, every other row has one.
ROWS = np.array([0, 1, 2, 3, 4, 5, 5, 5, 6, 7, 8, 9, 10, 11, 12])


class Rows(SimpleNamespace):
    """What a mixture reads of windows."""

    row: np.ndarray

    def __len__(self) -> int:
        return len(self.row)


def make_mixture(*per_epoch: int, seed: int = 1) -> Mixture:
    sets = [MixedSet(name, rows, count, {}, 0) for name, rows, count in zip("abc", (4, 6, 3), per_epoch, strict=True)]
    windows: Any = Rows(row=ROWS)
    return Mixture(windows, sets, seed)


def test_a_whole_set_is_read_once_an_epoch() -> None:
    mixture = make_mixture(4, 6, 3)
    for epoch in range(3):
        assert sorted(mixture.draw(epoch).tolist()) == list(range(15))


def test_half_a_set_is_read_whole_in_two_epochs() -> None:
    mixture = make_mixture(2, 3, 3)
    assert len(mixture) == 2 + 4 + 3
    for first in (0, 2):
        drawn = [mixture.draw(first + epoch) for epoch in range(2)]
        assert [len(epoch) for epoch in drawn] == [9, 9]
        assert sorted(np.concatenate([epoch[:2] for epoch in drawn]).tolist()) == [0, 1, 2, 3]
        assert sorted(np.concatenate([epoch[2:6] for epoch in drawn]).tolist()) == list(range(4, 12))


def test_a_set_may_be_read_twice_an_epoch() -> None:
    drawn = make_mixture(8, 6, 3).draw(1)
    assert sorted(drawn[:8].tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(drawn) == 8 + 8 + 3


def test_the_windows_of_a_row_follow_each_other() -> None:
    for epoch in range(20):
        of_second = make_mixture(4, 6, 3).draw(epoch)[4:12].tolist()
        begin = of_second.index(5)
        assert of_second[begin : begin + 3] == [5, 6, 7]


def test_seed_and_epoch_alone_decide() -> None:
    """An interrupted run draws the same epochs, whatever was drawn before."""
    whole, resumed = make_mixture(2, 2, 1), make_mixture(2, 2, 1)
    epochs = [whole.draw(epoch).tolist() for epoch in range(6)]
    assert resumed.draw(5).tolist() == epochs[5]
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert [make_mixture(2, 2, 1, seed=2).draw(epoch).tolist() for epoch in range(6)] != epochs


def test_steps_hold_the_windows_of_their_epoch_on_every_process() -> None:
    mixture, lengths = make_mixture(2, 3, 3), np.arange(20, 35)
    alone = WindowBatchSampler(lengths, 4, seed=1, mixture=mixture)
    assert (alone.windows_per_epoch, alone.steps) == (9, 3)
    for epoch in range(3):
        alone.set_epoch(epoch)
        steps = [share.windows.tolist() for (share,) in alone]
        assert sorted(number for step in steps for number in step) == sorted(mixture.draw(epoch).tolist())
        ranks = []
        for rank in range(2):
            shared = WindowBatchSampler(lengths, 4, seed=1, rank=rank, world_size=2, mixture=mixture)
            shared.set_epoch(epoch)
            ranks.append([share for (share,) in shared])
        both = [
            sorted(number for share in step if share.weight for number in share.windows.tolist())
            for step in zip(*ranks, strict=True)
        ]
        assert both == [sorted(step) for step in steps]


def test_without_a_mix_the_order_is_that_of_one_permutation() -> None:
    """The order that runs of earlier versions trained in."""
    batches = WindowBatchSampler(np.full(10, 30), 4, seed=3)
    batches.set_epoch(2)
    drawn = [number for (share,) in batches for number in share.windows.tolist()]
    assert drawn == np.random.default_rng((3, 2)).permutation(10).tolist()
