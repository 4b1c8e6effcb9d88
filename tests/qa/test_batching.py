"""Every window once an epoch, windows of like length together, the same order for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.config import Batching
from mlqa.qa.batching import WindowBatches, by_length

LENGTHS = np.random.default_rng(0).integers(20, 384, size=1003)


def windows_of(batches: WindowBatches) -> list[list[int]]:
    return [share.windows.tolist() for (share,) in batches]


@pytest.mark.parametrize("batching", list(Batching))
def test_every_window_once_an_epoch(batching: Batching) -> None:
    batches = WindowBatches(LENGTHS, 16, batching, seed=1)
    epoch = windows_of(batches)
    assert len(epoch) == len(batches) == batches.steps == 63
    assert sorted(number for batch in epoch for number in batch) == list(range(1003))


@given(
    count=st.integers(1, 300),
    step_size=st.sampled_from([4, 12, 16]),
    accumulation=st.sampled_from([1, 2, 3, 4]),
    world_size=st.sampled_from([1, 2, 4]),
    batching=st.sampled_from(Batching),
)
def test_a_step_is_the_same_however_it_is_shared(
    count: int, step_size: int, accumulation: int, world_size: int, batching: Batching
) -> None:
    """The weighted mean over all shares of a step is the plain mean over its windows."""
    lengths, value = LENGTHS[:count], np.arange(count) + 1.0
    alone = [share for (share,) in WindowBatches(lengths, step_size, batching, seed=3)]
    ranks = [
        list(
            WindowBatches(lengths, step_size, batching, 3, accumulation=accumulation, rank=rank, world_size=world_size)
        )
        for rank in range(world_size)
    ]
    assert {len(batches) for batches in ranks} == {len(alone) * accumulation}
    for number, whole in enumerate(alone):
        shares = [
            share for batches in ranks for (share,) in batches[number * accumulation : (number + 1) * accumulation]
        ]
        read = np.concatenate([share.windows for share in shares if share.weight])
        assert sorted(read) == sorted(whole.windows)
        mean = np.mean([share.weight * value[share.windows].mean() for share in shares])
        assert mean == pytest.approx(value[whole.windows].mean())
        assert {share.longest for share in shares} == {lengths[whole.windows].max()}


@pytest.mark.parametrize("batching", list(Batching))
def test_order_follows_from_seed_and_epoch(batching: Batching) -> None:
    batches = WindowBatches(LENGTHS, 16, batching, seed=1)
    first = windows_of(batches)
    assert windows_of(batches) == first
    batches.set_epoch(1)
    second = windows_of(batches)
    assert first != second
    again = WindowBatches(LENGTHS, 16, batching, seed=1)
    again.set_epoch(1)
    assert windows_of(again) == second
    assert windows_of(WindowBatches(LENGTHS, 16, batching, seed=2)) != first


def test_grouped_batches_save_most_of_the_padding() -> None:
    def padding(batches: list[list[int]]) -> float:
        widths = sum(int(LENGTHS[batch].max()) * len(batch) for batch in batches)
        return 1 - LENGTHS.sum() / widths

    random = padding(windows_of(WindowBatches(LENGTHS, 16, Batching.padded, seed=1)))
    grouped = padding(windows_of(WindowBatches(LENGTHS, 16, Batching.grouped, seed=1)))
    assert random > 0.4
    assert grouped < 0.05


def test_batches_are_not_in_order_of_length() -> None:
    longest = [int(LENGTHS[batch].max()) for batch in windows_of(WindowBatches(LENGTHS, 16, Batching.grouped, seed=1))]
    assert longest != sorted(longest, reverse=True)


def test_scoring_goes_by_length() -> None:
    batches = by_length(LENGTHS, 16)
    assert sorted(np.concatenate(batches).tolist()) == list(range(1003))
    assert (np.diff(LENGTHS[np.concatenate(batches)]) <= 0).all()
