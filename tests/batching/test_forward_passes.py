"""Test forward passes: the cheapest cut of a step in training, one width per batch in scoring."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.batching.forward_passes import bucket_by_length, cut_by_length

LENGTHS = np.random.default_rng(0).integers(20, 384, size=1003)


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
    """The cost is the lowest of all 2^(n-1) cuts."""
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


@pytest.mark.parametrize("multiple", [1, 32, 64])
def test_scoring_goes_by_length(multiple: int) -> None:
    batches = bucket_by_length(LENGTHS, 16, multiple)
    assert sorted(np.concatenate(batches).tolist()) == list(range(1003))
    assert (np.diff(LENGTHS[np.concatenate(batches)]) <= 0).all()
    assert max(map(len, batches)) <= 16
    assert all(len(set(np.ceil(LENGTHS[batch] / multiple))) == 1 for batch in batches), "one width a batch"
