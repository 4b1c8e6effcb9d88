"""What benchmarks/gpu.py does without a GPU: its ways, its time limit, its rows, its count of operations."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import gpu
import pytest
import torch
from deadline import TimeIsUp, stop_after
from gpu import Measured, Way, build_rows, choose_precision, copy_model, list_ways
from inputs import build_bert
from operations import count_operations
from rows import read_rows
from torch.utils.flop_counter import FlopCounterMode


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


@pytest.mark.parametrize(
    ("capability", "named"),
    [(None, ("fp32", torch.float32)), ((7, 5), ("fp16", torch.float16)), ((9, 0), ("bf16", torch.bfloat16))],
)
def test_the_precision_is_the_best_that_the_gpu_has(
    capability: tuple[int, int] | None, named: tuple[str, torch.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A T4 (7.5) computes bf16 slowly, an H100 (9.0) as fast as fp16."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert choose_precision() == named


@pytest.mark.slow
def test_memory_is_the_peak_since_the_way_began(monkeypatch: pytest.MonkeyPatch) -> None:
    peak = [9e9]  # left by the way before
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: peak.__setitem__(0, 0.0))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: peak[0])

    def train(*_: Any) -> tuple[float, float]:
        peak[0] += 3e9
        return 2.0, 1e12

    monkeypatch.setattr(gpu, "train_ours", train)
    args = argparse.Namespace(steps=1, batch_size=2)
    assert gpu.measure(Way("packed"), build_bert(100), None, None, None, args) == Measured(2.0, 1e12, 3000.0, 0)


def build_arguments(**changed: Any) -> argparse.Namespace:
    values: dict[str, Any] = {
        "train_file": None, "pretrained": None, "tokenizer": None, "questions": 20, "length": 64, "batch_size": 2,
        "steps": 1, "minutes": 9.0, "smoke": False, "pad_to_multiple_of": None,
    }  # fmt: skip
    return argparse.Namespace(**values | changed)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the training, on a small model."""
    monkeypatch.setattr(gpu, "make_peer_features", lambda *_: None)
    monkeypatch.setattr(gpu, "measure_peak", lambda *_: 1e12)
    monkeypatch.setattr(gpu, "build_bert", lambda size, is_base: build_bert(size))


def test_no_way_begins_that_would_not_end_in_time(
    light: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "measure", lambda *_: Measured(1.0, 1e9, 0.0, 0))
    for minutes, measured in ((9.0, ["packed", "grouped"]), (5.0, ["packed"])):
        clock = iter(range(0, 10_000, 100))  # each look at the clock is 100 seconds later
        monkeypatch.setattr(gpu, "now", lambda clock=clock: next(clock))
        found: dict[Way, Measured] = {}
        gpu.measure_all(build_arguments(minutes=minutes), tmp_path, found)
        assert [way.batching for way in found] == measured
    assert "grouped, sdpa: left out, because" in capsys.readouterr().out


def fail_in_packed_rows(way: Way, *_: Any) -> Measured:
    if way.batching == "packed" and not way.compiled:
        raise RuntimeError("CUDA error: no kernel\nand much more")
    return Measured(1.0, 1e9, 0.0, 0)


def test_a_way_that_fails_is_named_and_the_others_go_on(
    light: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "measure", fail_in_packed_rows)
    found: dict[Way, Measured] = {}
    gpu.measure_all(build_arguments(), tmp_path, found)
    assert list(found) == [Way("grouped"), Way("packed", compiled=True), Way("grouped", compiled=True)]
    assert "packed, sdpa: failed, RuntimeError: CUDA error: no kernel\n" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="no kernel"):  # what only tries the script hides no failure
        gpu.measure_all(build_arguments(smoke=True), tmp_path, found)


def hang(way: Way, *_: Any) -> Measured:
    while way != Way("packed"):
        try:
            time.sleep(60)
        except Exception:  # as libraries do
            continue
    return Measured(1.0, 1e9, 0.0, 0)


def run_main(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py", *words])
    gpu.main()


@pytest.mark.slow
def test_the_script_stops_when_its_minutes_are_over_and_prints_what_it_has(
    light: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "measure", hang)
    began = time.monotonic()
    run_main(monkeypatch, "--smoke", "--minutes=0.1", f"--json={tmp_path / 'rows.jsonl'}")
    assert time.monotonic() - began < 20
    said = capsys.readouterr().out
    assert "0.1 minutes are over, so the rest is not measured" in said
    (row,) = read_rows(tmp_path / "rows.jsonl")
    assert row.what.endswith("packed, sdpa") and row.ours == [1.0]


def test_a_deadline_interrupts_what_swallows_exceptions() -> None:
    began = time.monotonic()
    with pytest.raises(TimeIsUp), stop_after(0.05):
        hang(Way("peer"))
    assert time.monotonic() - began < 10
    with stop_after(60):  # and does nothing to what is done before
        pass
    time.sleep(0.1)


@pytest.mark.slow
def test_the_smoke_size_has_every_way_and_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every way but flash attention, which needs a GPU, with the peer's stand-in, and a model of a folder."""
    from inputs import load_tokenizers, load_train_and_dev

    monkeypatch.setenv("PEER_DIR", str(Path(__file__).parent / "stand_in_peer"))
    monkeypatch.delenv("MLQA_ASSETS", raising=False)
    examples, _ = load_train_and_dev(None, 60)
    tokenizer = load_tokenizers(None, examples)["generated"]
    build_bert(len(tokenizer)).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    run_main(monkeypatch, "--smoke", f"--pretrained={tmp_path / 'model'}", f"--json={tmp_path / 'rows.jsonl'}")
    rows = {row.what.partition("windows, ")[2]: row for row in read_rows(tmp_path / "rows.jsonl")}
    assert set(rows) == {
        *(f"{batching}, sdpa{more}" for batching in ("packed", "grouped") for more in ("", ", compiled")),
        *(f"{batching}, sdpa, compiled: graphs" for batching in ("packed", "grouped")),
    }
    assert all(1 <= rows[f"{batching}, sdpa, compiled: graphs"].ours[0] <= 8 for batching in ("packed", "grouped"))
    assert all(row.peer for row in rows.values())
    assert capsys.readouterr().out.count(" graphs\n") >= 5
