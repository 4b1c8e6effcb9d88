"""Test whose a run directory is: a completed run is never touched by another, a failed one leaves nothing."""

from __future__ import annotations

import json
import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import TINY, read_contents, run_here

from mlqa import run_directory
from mlqa.config.compose import compose_config
from mlqa.config.identity import compute_config_hash
from mlqa.errors import MlqaError, RunError
from mlqa.experiment import run
from mlqa.result import Result
from mlqa.run_directory import record_ending
from mlqa.tracking.trackers import Trackers

pytestmark = pytest.mark.slow

FAILING = "model.scratch.vocab_size=100"  # fewer entries than letters


@pytest.fixture(scope="module")
def completed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Return a completed run that nothing may change, with its files."""
    folder = tmp_path_factory.mktemp("completed")
    run_here(folder, "training.max_steps=1")
    return folder, read_contents(folder)


@pytest.mark.parametrize("other", ["seed=9", FAILING, "dataset.max_train_samples=60"])
def test_a_completed_run_is_never_touched_by_another(completed: tuple[Path, dict[str, bytes]], other: str) -> None:
    folder, before = completed
    with pytest.raises(RunError, match="holds a completed run with other settings"):
        run_here(folder, "training.max_steps=1", other)
    assert read_contents(folder) == before


def test_a_completed_run_stands(completed: tuple[Path, dict[str, bytes]], caplog: pytest.LogCaptureFixture) -> None:
    """Test that the same command does not train again, and returns the same objective to the sweeper."""
    folder, before = completed
    config, choices = compose_config([*TINY, "training.max_steps=1"])
    config.training.output_dir = str(folder)
    with caplog.at_level(logging.INFO):
        assert run(config, choices).objective == json.loads(before["result.json"])["objective"]
    assert "this run is already completed" in caplog.text
    assert read_contents(folder) == before


def test_a_completed_run_on_other_data_is_never_touched(tmp_path: Path) -> None:
    row = {"question": "kim", "context": "Ali geldi", "answers": {"text": ["Ali"], "answer_start": [0]}}
    (tmp_path / "train.jsonl").write_text("\n".join([json.dumps(row)] * 40), "utf-8")
    file = f"{tmp_path}/train.jsonl"
    overrides = [
        "dataset=squad_json",
        "dataset.language=tr",
        f"dataset.train_file={file}",
        f"dataset.validation_file={file}",
    ]
    common = [override for override in TINY if "sample" not in override]
    for rows in (40, 39):
        (tmp_path / "train.jsonl").write_text("\n".join([json.dumps(row)] * rows), "utf-8")
        config, choices = compose_config([*common, *overrides, "training.max_steps=1"])
        config.training.output_dir = str(tmp_path / "out")
        if rows == 40:
            run(config, choices)
            before = read_contents(tmp_path / "out")
    with pytest.raises(RunError, match="completed on other data"):
        run(config, choices)
    assert read_contents(tmp_path / "out") == before


@pytest.mark.parametrize("dataset", [{}, None, "sample"])
def test_a_completed_run_without_a_fingerprint_is_never_touched(tmp_path: Path, dataset: Any) -> None:
    config, choices = compose_config(TINY)
    config.training.output_dir = str(tmp_path)
    content = {"schema_version": 2, "status": "completed", "dataset": dataset}
    (tmp_path / "result.json").write_text(json.dumps({**content, "config_hash": compute_config_hash(config)}))
    before = read_contents(tmp_path)
    with pytest.raises(RunError, match="not of this version of mlqa"):
        run(config, choices)
    assert read_contents(tmp_path) == before


def test_a_directory_of_another_tool_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("mine")
    (tmp_path / "result.json").write_text("[1]")
    before = read_contents(tmp_path)
    with pytest.raises(RunError, match="not of this version of mlqa"):
        run_here(tmp_path)
    assert read_contents(tmp_path) == before


def test_a_failed_run_leaves_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    with pytest.raises(MlqaError):
        run_here(tmp_path, FAILING)
    (tmp_path / "model").mkdir()
    for name in ("predictions.json", "scores.jsonl"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(MlqaError):
        run_here(tmp_path, FAILING, "seed=9")
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert (result["status"], result["seed"]) == ("failed", 9)
    assert {path.name for path in tmp_path.iterdir()} == {"result.json"}


def test_sigterm_after_a_failure_does_not_cost_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchrun sends it to the processes that are left when one has died, while they look for the cause."""

    def find(raised: BaseException) -> BaseException:
        os.kill(os.getpid(), signal.SIGTERM)
        return raised

    monkeypatch.setattr(run_directory, "find_root_cause", find)
    config, _ = compose_config(TINY)
    config.training.output_dir = str(tmp_path)
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        with pytest.raises(RunError), record_ending(config, Result(), Trackers([])):
            raise RunError("a process has died")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not received
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert (result["status"], result["error"]) == ("failed", "a process has died")
