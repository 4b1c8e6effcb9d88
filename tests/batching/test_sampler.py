"""Test steps: every window once per epoch, equal however they are shared and cut, in the same order for a seed."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.batching.forward_passes import cut_by_length
from mlqa.batching.sampler import WindowBatchSampler, shard_rows

LENGTHS = np.random.default_rng(0).integers(20, 384, size=1003)


def windows_of(batches: WindowBatchSampler) -> list[list[int]]:
    return [share.windows.tolist() for (share,) in batches]


def test_every_window_once_an_epoch() -> None:
    batches = WindowBatchSampler(LENGTHS, 16, seed=1)
    epoch = windows_of(batches)
    assert len(epoch) == len(batches) == batches.steps == 63
    assert sorted(number for batch in epoch for number in batch) == list(range(1003))


@pytest.mark.slow
@given(
    count=st.integers(1, 300),
    step_size=st.sampled_from([4, 12, 16]),
    accumulation=st.sampled_from([1, 2, 3, 4]),
    world_size=st.sampled_from([1, 2, 4]),
)
def test_a_step_is_the_same_however_it_is_shared(
    count: int, step_size: int, accumulation: int, world_size: int
) -> None:
    """The weighted mean over the shares of a step is the mean over its windows, and each has its part of long ones."""
    lengths, value = LENGTHS[:count], np.arange(count) + 1.0
    cut = partial(cut_by_length, multiple=8, overhead=16)
    alone = [share for (share,) in WindowBatchSampler(lengths, step_size, seed=3, cut=cut)]
    ranks = [
        list(
            WindowBatchSampler(
                lengths, step_size, 3, cut=cut, accumulation=accumulation, rank=rank, world_size=world_size
            )
        )
        for rank in range(world_size)
    ]
    assert {len(batches) for batches in ranks} == {len(alone) * accumulation}
    for number, whole in enumerate(alone):
        shares = [
            share for batches in ranks for (share,) in batches[number * accumulation : (number + 1) * accumulation]
        ]
        counted = [share.windows for share in shares if share.weight]
        assert sorted(np.concatenate(counted)) == sorted(whole.windows)
        mean = np.mean([share.weight * value[share.windows].mean() for share in shares])
        assert mean == pytest.approx(value[whole.windows].mean())
        assert all((np.diff(lengths[windows]) <= 0).all() for windows in counted)
        work = [int(lengths[windows].sum()) if len(windows) else 0 for windows in counted]
        assert max(work) - min(work) <= lengths[whole.windows].max()
        padded_to = dict(zip(whole.windows.tolist(), whole.longest.tolist(), strict=True))
        for share in shares:
            assert share.longest.tolist() == [padded_to[window] for window in share.windows.tolist()]
            assert np.concatenate(share.split_passes()).tolist() == share.windows.tolist()
            assert [len({padded_to[window] for window in part.tolist()}) for part in share.split_passes()] == [1] * len(
                share.split_passes()
            )


def test_order_follows_from_seed_and_epoch() -> None:
    batches = WindowBatchSampler(LENGTHS, 16, seed=1)
    first = windows_of(batches)
    assert windows_of(batches) == first
    batches.set_epoch(1)
    second = windows_of(batches)
    assert first != second
    again = WindowBatchSampler(LENGTHS, 16, seed=1)
    again.set_epoch(1)
    assert windows_of(again) == second
    assert windows_of(WindowBatchSampler(LENGTHS, 16, seed=2)) != first


def test_steps_are_a_plain_shuffle() -> None:
    """Steps of windows of similar length would differ in kind: in TQuAD, half of the full windows have no answer.

    63 steps drawn from lengths of 20 to 384 have means within a few standard errors (105 / 4) of each other.
    """
    means = [LENGTHS[step].mean() for step in windows_of(WindowBatchSampler(LENGTHS, 16, seed=1))[:-1]]
    assert np.std(means) == pytest.approx(LENGTHS.std() / 4, rel=0.25)


def test_passes_of_like_length_save_most_of_the_padding() -> None:
    read = sum(
        size * int(LENGTHS[step][begin])
        for step in map(np.array, windows_of(WindowBatchSampler(LENGTHS, 16, seed=1)))
        for sizes in [cut_by_length(LENGTHS[step], 1, 16)]
        for begin, size in zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True)
    )
    assert 1 - LENGTHS.sum() / (len(LENGTHS) * 384) > 0.4
    assert 1 - LENGTHS.sum() / read < 0.05


@given(lengths=st.lists(st.integers(1, 384), min_size=0, max_size=50), world_size=st.integers(1, 5))
def test_every_row_is_one_process_s(lengths: list[int], world_size: int) -> None:
    """Of rows of one to three windows, none is left out or read twice, and processes read about the same."""
    row = np.repeat(np.arange(len(lengths)), 1 + np.arange(len(lengths)) % 3)
    windows = SimpleNamespace(row=row, lengths=np.array(lengths, dtype=np.int64)[row], question=lengths)
    shares = [shard_rows(windows, 64, rank, world_size) for rank in range(world_size)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(len(lengths)))
    cost = [(1 + number % 3) * -(-length // 64) for number, length in enumerate(lengths)]
    work = [sum(cost[number] for number in share.tolist()) for share in shares]
    assert max(work) - min(work) <= max(cost, default=0)
