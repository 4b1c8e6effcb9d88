"""Test the log lines of a training without a terminal: the step, the loss, and the time left."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from mlqa.training import progress
from mlqa.training.progress import ProgressAndHistory


@pytest.mark.parametrize(
    ("first", "seconds", "expected"),
    [
        (0, 1.0, ["step 2 of 20, 18 s left", "step 4 of 20, loss 2.500, 16 s left"]),
        (0, 60.0, ["step 2 of 20, 18 min left", "step 4 of 20, loss 2.500, 16 min left"]),
        (0, 3600.0, ["step 2 of 20, 18.0 h left", "step 4 of 20, loss 2.500, 16.0 h left"]),
        (10, 10.0, ["step 12 of 20, 80 s left", "step 14 of 20, loss 2.500, 60 s left"]),  # a resumed run
    ],
)
def test_plain_lines(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    first: int,
    seconds: float,
    expected: list[str],
) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock.now)
    state = SimpleNamespace(is_world_process_zero=True, global_step=first, max_steps=20)
    shown = ProgressAndHistory(lambda row, step: None)
    shown.on_train_begin(None, state, None)
    with caplog.at_level(logging.INFO):
        while state.global_step < 20:
            clock.now += seconds
            state.global_step += 1
            if state.global_step == first + 3:
                shown.on_log(None, state, None, {"loss": 2.5})
            shown.on_step_end(None, state, None)
    shown.on_train_end(None, state, None)
    said = [record.message for record in caplog.records]
    assert said[:2] == expected
    assert said[-1] == "step 20 of 20, loss 2.500"
