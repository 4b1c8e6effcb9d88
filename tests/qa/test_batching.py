"""Every window once an epoch, windows of like length together, the same order for the same seed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.config import Batching
from mlqa.qa.batching import WindowBatches, by_length, share_of_rows

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


@pytest.mark.parametrize("multiple", [1, 32, 64])
def test_scoring_goes_by_length(multiple: int) -> None:
    batches = by_length(LENGTHS, 16, multiple)
    assert sorted(np.concatenate(batches).tolist()) == list(range(1003))
    assert (np.diff(LENGTHS[np.concatenate(batches)]) <= 0).all()
    assert max(map(len, batches)) <= 16
    assert all(len(set(np.ceil(LENGTHS[batch] / multiple))) == 1 for batch in batches), "one width a batch"


@given(lengths=st.lists(st.integers(1, 384), min_size=0, max_size=50), world_size=st.integers(1, 5))
def test_every_row_is_one_process_s(lengths: list[int], world_size: int) -> None:
    """Rows of one to three windows: none is left out or read twice, and no process reads a window more than its due."""
    row = np.repeat(np.arange(len(lengths)), 1 + np.arange(len(lengths)) % 3)
    windows = SimpleNamespace(row=row, lengths=np.array(lengths, dtype=np.int64)[row], question=lengths)
    shares = [share_of_rows(windows, 64, rank, world_size) for rank in range(world_size)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(len(lengths)))
    cost = [(1 + number % 3) * -(-length // 64) for number, length in enumerate(lengths)]
    work = [sum(cost[number] for number in share.tolist()) for share in shares]
    assert max(work) - min(work) <= max(cost, default=0)
