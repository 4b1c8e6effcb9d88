"""What benchmarks/gpu.py does without a GPU: its ways, its time limit, its rows, its count of operations."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import gpu
import pytest
import torch
from gpu import Measured, Way, build_rows, copy_model, list_ways
from inputs import build_bert
from torch.utils.flop_counter import FlopCounterMode
from training import count_operations


def test_flash_attention_is_measured_if_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = list_ways()
    assert ways[0] == Way("peer") and len(set(ways)) == len(ways)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert set(list_ways()) - set(ways) == {Way("grouped", "flash_attention_2")}


def test_operations_are_those_that_torch_counts() -> None:
    model = build_bert(500, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    ids = torch.randint(5, 500, (3, 64))
    with FlopCounterMode(display=False) as counter:
        output = copy_model(model, "eager")(ids, attention_mask=torch.ones_like(ids))
        (output.start_logits.sum() + output.end_logits.sum()).backward()
    assert count_operations(model, [(3, 64)]) == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_a_copy_has_the_same_weights_and_another_attention() -> None:
    model = build_bert(500)
    copied = copy_model(model, "eager")
    assert copied.config._attn_implementation == "eager" and model.config._attn_implementation == "sdpa"
    for one, other in zip(model.parameters(), copied.parameters(), strict=True):
        assert torch.equal(one, other) and one is not other


def test_rows_compare_seconds_memory_and_graphs_with_what_is_allowed() -> None:
    found = {
        Way("peer"): Measured(10.0, 1e12, 4000.0, 0),
        Way("packed"): Measured(4.0, 1e12, 4100.0, 0),
        Way("packed", compiled=True): Measured(3.0, 1e12, 3000.0, 9),
    }
    rows = build_rows(found, argparse.Namespace(steps=5, batch_size=8))
    assert [(row.unit, row.ours, row.peer, row.is_met) for row in rows] == [
        ("s", [4.0], [10.0], None),
        ("MB", [4100.0], [4000.0], False),
        ("s", [3.0], [10.0], None),
        ("MB", [3000.0], [4000.0], True),
        ("graphs", [9], [8], False),
    ]


@pytest.mark.slow
def test_no_way_begins_that_would_not_end_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "measure", lambda *_: Measured(1.0, 1e9, 0.0, 0))
    clock = iter(range(0, 10_000, 100))  # each look at the clock is 100 seconds later
    monkeypatch.setattr(gpu, "now", lambda: next(clock))
    monkeypatch.setattr(gpu, "make_peer_features", lambda *_: None)
    values: dict[str, Any] = {
        "train_file": None, "pretrained": None, "tokenizer": None, "questions": 20, "length": 64, "batch_size": 2,
        "steps": 1, "minutes": 9.0, "smoke": True, "pad_to_multiple_of": None,
    }  # fmt: skip
    found = gpu.measure_all(argparse.Namespace(**values), tmp_path)
    assert list(found) == [Way("packed"), Way("grouped")]
    values["minutes"] = 5.0
    clock = iter(range(0, 10_000, 100))
    assert list(gpu.measure_all(argparse.Namespace(**values), tmp_path)) == [Way("packed")]
    assert "grouped, sdpa: left out, because" in capsys.readouterr().out
