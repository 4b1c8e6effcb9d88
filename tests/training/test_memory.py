"""A step that a CPU has no memory for is read in parts, before Linux grants it and kills the process."""

from __future__ import annotations

import resource
import sys

import pytest
import torch

from mlqa.errors import RunError
from mlqa.training import memory
from mlqa.training.memory import find_fitting_accumulation, try_largest_windows

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
WINDOW = 300 * 2**20  # bytes


def fit(monkeypatch: pytest.MonkeyPatch, windows_that_fit: float, step_size: int) -> int:
    """Find the parts of a step whose windows take 300 MB each, with room for so many of them."""
    model = torch.nn.Linear(1, 1)
    monkeypatch.setattr(memory, "_measure_available_bytes", lambda: int(windows_that_fit * WINDOW))

    def loss(windows: int) -> torch.Tensor:
        hold = torch.empty(windows * WINDOW, dtype=torch.uint8)  # granted by Linux without a limit, as nothing fills it
        return model(torch.ones(1, 1)).sum() + 0 * hold[0]

    def attempt(windows: int) -> None:
        try_largest_windows(model, loss, windows, None)

    return find_fitting_accumulation(attempt, step_size, 1)


def test_a_step_is_halved_until_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    assert fit(monkeypatch, 2.5, 2) == 1
    assert fit(monkeypatch, 2.5, 8) == 4  # two windows at a time
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_window_that_does_not_fit_is_one_line_with_what_would(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        RunError, match=r"not even one window fits.*gradient_checkpointing.*max_seq_length.*smaller model"
    ):
        fit(monkeypatch, 0.5, 4)
