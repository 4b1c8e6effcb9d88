"""Every window once an epoch, windows of like length together, the same order for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from mlqa.config import Batching
from mlqa.qa.batching import WindowBatches, by_length

LENGTHS = np.random.default_rng(0).integers(20, 384, size=1003)


@pytest.mark.parametrize("batching", list(Batching))
def test_every_window_once_an_epoch(batching: Batching) -> None:
    batches = WindowBatches(LENGTHS, 16, batching, seed=1)
    epoch = list(batches)
    assert len(epoch) == len(batches) == 63
    assert sorted(number for batch in epoch for number in batch) == list(range(1003))


@pytest.mark.parametrize("batching", list(Batching))
def test_order_follows_from_seed_and_epoch(batching: Batching) -> None:
    batches = WindowBatches(LENGTHS, 16, batching, seed=1)
    first, second = list(batches), list(batches)
    assert first != second
    again = WindowBatches(LENGTHS, 16, batching, seed=1)
    again.set_epoch(1)
    assert list(again) == second
    assert list(WindowBatches(LENGTHS, 16, batching, seed=2)) != first


def test_grouped_batches_save_most_of_the_padding() -> None:
    def padding(batches: list[list[int]]) -> float:
        widths = sum(int(LENGTHS[batch].max()) * len(batch) for batch in batches)
        return 1 - LENGTHS.sum() / widths

    random = padding(list(WindowBatches(LENGTHS, 16, Batching.padded, seed=1)))
    grouped = padding(list(WindowBatches(LENGTHS, 16, Batching.grouped, seed=1)))
    assert random > 0.4
    assert grouped < 0.05


def test_batches_are_not_in_order_of_length() -> None:
    longest = [int(LENGTHS[batch].max()) for batch in WindowBatches(LENGTHS, 16, Batching.grouped, seed=1)]
    assert longest != sorted(longest, reverse=True)


def test_scoring_goes_by_length() -> None:
    batches = by_length(LENGTHS, 16)
    assert sorted(np.concatenate(batches).tolist()) == list(range(1003))
    assert (np.diff(LENGTHS[np.concatenate(batches)]) <= 0).all()
