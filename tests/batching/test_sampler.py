"""Every window once an epoch, steps the same however they are shared and cut, the same order for the same seed."""

from __future__ import annotations

import itertools
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.batching.forward_passes import bucket_by_length, cut_by_length
from mlqa.batching.sampler import WindowBatchSampler, shard_rows

LENGTHS = np.random.default_rng(0).integers(20, 384, size=1003)


def windows_of(batches: WindowBatchSampler) -> list[list[int]]:
    return [share.windows.tolist() for (share,) in batches]


def test_every_window_once_an_epoch() -> None:
    batches = WindowBatchSampler(LENGTHS, 16, seed=1)
    epoch = windows_of(batches)
    assert len(epoch) == len(batches) == batches.steps == 63
    assert sorted(number for batch in epoch for number in batch) == list(range(1003))


@given(
    count=st.integers(1, 300),
    step_size=st.sampled_from([4, 12, 16]),
    accumulation=st.sampled_from([1, 2, 3, 4]),
    world_size=st.sampled_from([1, 2, 4]),
)
def test_a_step_is_the_same_however_it_is_shared(
    count: int, step_size: int, accumulation: int, world_size: int
) -> None:
    """The weighted mean over a step's shares is the plain mean over its windows; each has its part of long ones."""
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
    """Of windows alike in length steps would differ in kind: in TQuAD those of full windows would be half without an
    answer. 63 steps drawn from lengths of 20 to 384 have means within a few standard errors (105 / 4) of each other."""
    means = [LENGTHS[step].mean() for step in windows_of(WindowBatchSampler(LENGTHS, 16, seed=1))[:-1]]
    assert np.std(means) == pytest.approx(LENGTHS.std() / 4, rel=0.25)


def cost(lengths: list[int], sizes: list[int], multiple: int, overhead: float) -> float:
    begins = np.cumsum([0, *sizes[:-1]])
    widths = [-(-lengths[begin] // multiple) * multiple for begin in begins]
    return sum(overhead + size * width for size, width in zip(sizes, widths, strict=True))


@given(
    lengths=st.lists(st.integers(1, 384), min_size=1, max_size=9).map(lambda found: sorted(found, reverse=True)),
    multiple=st.sampled_from([1, 8, 64]),
    overhead=st.sampled_from([0.0, 16.0, 300.0, 5000.0]),
)
def test_no_other_cut_is_cheaper(lengths: list[int], multiple: int, overhead: float) -> None:
    """Against all 2^(n-1) of them."""
    sizes = cut_by_length(np.array(lengths), multiple, overhead)
    assert sum(sizes) == len(lengths) and min(sizes) >= 1
    others = []
    for cuts in itertools.product([False, True], repeat=len(lengths) - 1):
        places = [0, *(place for place, is_cut in enumerate(cuts, start=1) if is_cut), len(lengths)]
        others.append(cost(lengths, np.diff(places).tolist(), multiple, overhead))
    assert cost(lengths, sizes, multiple, overhead) == pytest.approx(min(others))


def test_cuts_by_hand() -> None:
    lengths = np.array([384, 380, 100, 99, 90])
    assert cut_by_length(lengths, 8, 16) == [2, 3]
    assert cut_by_length(lengths, 1, 0) == [1, 1, 1, 1, 1]
    # One pass reads 5 x 384 positions, two read 2 x 384 + 3 x 104: 840 fewer.
    assert cut_by_length(lengths, 8, 839) == [2, 3]
    assert cut_by_length(lengths, 8, 841) == [5]


def test_passes_of_like_length_save_most_of_the_padding() -> None:
    read = sum(
        size * int(LENGTHS[step][begin])
        for step in map(np.array, windows_of(WindowBatchSampler(LENGTHS, 16, seed=1)))
        for sizes in [cut_by_length(LENGTHS[step], 1, 16)]
        for begin, size in zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True)
    )
    assert 1 - LENGTHS.sum() / (len(LENGTHS) * 384) > 0.4
    assert 1 - LENGTHS.sum() / read < 0.05


@pytest.mark.parametrize("multiple", [1, 32, 64])
def test_scoring_goes_by_length(multiple: int) -> None:
    batches = bucket_by_length(LENGTHS, 16, multiple)
    assert sorted(np.concatenate(batches).tolist()) == list(range(1003))
    assert (np.diff(LENGTHS[np.concatenate(batches)]) <= 0).all()
    assert max(map(len, batches)) <= 16
    assert all(len(set(np.ceil(LENGTHS[batch] / multiple))) == 1 for batch in batches), "one width a batch"


@given(lengths=st.lists(st.integers(1, 384), min_size=0, max_size=50), world_size=st.integers(1, 5))
def test_every_row_is_one_process_s(lengths: list[int], world_size: int) -> None:
    """Rows of one to three windows: none is left out or read twice, and no process reads a window more than its due."""
    row = np.repeat(np.arange(len(lengths)), 1 + np.arange(len(lengths)) % 3)
    windows = SimpleNamespace(row=row, lengths=np.array(lengths, dtype=np.int64)[row], question=lengths)
    shares = [shard_rows(windows, 64, rank, world_size) for rank in range(world_size)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(len(lengths)))
    cost = [(1 + number % 3) * -(-length // 64) for number, length in enumerate(lengths)]
    work = [sum(cost[number] for number in share.tolist()) for share in shares]
    assert max(work) - min(work) <= max(cost, default=0)
