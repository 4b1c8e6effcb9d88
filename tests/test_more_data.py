"""Runs on more data than one file: several files, a mix of data sets, and none at all."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import interrupted
import pytest
from interrupted import run_apart
from row_files import write_rows

from mlqa.config.compose import compose_config
from mlqa.data.examples import Examples
from mlqa.data.sample import generate
from mlqa.experiment import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions in two files of train, one of dev, and another file of train that has dev's 12 rows as well."""
    folder = tmp_path_factory.mktemp("data")
    rows, dev = generate(60, seed=1, split="train"), generate(12, seed=1, split="validation")
    other = generate(24, seed=2, split="train")
    write_rows(folder / "one.jsonl", rows.select(range(40)))
    write_rows(folder / "two.jsonl", rows.select(range(40, 60)))
    write_rows(folder / "dev.jsonl", dev)
    write_rows(folder / "other.jsonl", Examples.join([other, dev]))
    return folder


def name_sets(folder: Path) -> str:
    """An own set of two files, of which all is read, and another one, of which an epoch reads 6 rows."""
    own = f"train_file: [{folder}/one.jsonl,{folder}/two.jsonl], validation_file: {folder}/dev.jsonl"
    other = f"train_file: {folder}/other.jsonl, max_train_samples: 6"
    return f"dataset.mix.sets={{squad_json: {{language: tr, {own}}}, sample: {{{other}}}}}"


SMALL = ["training.per_device_train_batch_size=8", "training.logging_steps=2", "model.scratch.num_hidden_layers=1"]
SMALL += ["training.shuffled_questions_control=false", "training.num_train_epochs=2", "optimizer.learning_rate=3e-3"]


def run_small(run_dir: Path, *overrides: str) -> dict[str, Any]:
    config, choices = compose_config(["experiment=quickstart", *SMALL, *overrides])
    config.training.output_dir = str(run_dir)
    run(config, choices)
    return dict(json.loads((run_dir / "result.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def mixed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    run_dir = tmp_path_factory.mktemp("mixed")
    return run_dir, run_small(run_dir, "dataset=mix", name_sets(folder))


def test_a_mix_says_what_it_is_made_of(mixed: tuple[Path, dict[str, Any]]) -> None:
    run_dir, result = mixed
    assert result["dataset"]["mix"] == {
        "squad_json": {"rows": 60, "rows_per_epoch": 60, "removed": {"validation": 0}, "without_answer": 0},
        "sample": {"rows": 24, "rows_per_epoch": 6, "removed": {"validation": 12}, "without_answer": 0},
    }
    assert result["dataset"]["train_examples"] == 84
    assert result["dataset"]["audit"]["leakage"]["contexts"]["near"] == 0
    last = json.loads((run_dir / "history.jsonl").read_text("utf-8").splitlines()[-1])
    assert last["step"] == 2 * -(-66 // 8)  # the generator's rows have one window each


def test_a_mix_is_scored_on_its_target(mixed: tuple[Path, dict[str, Any]], folder: Path) -> None:
    run_dir, result = mixed
    scores = [json.loads(line) for line in (run_dir / "scores.jsonl").read_text("utf-8").splitlines()]
    assert {row["set"] for row in scores} == {"squad_json"} and len(scores) == 12
    assert not any(row["seen"] for row in scores)
    assert result["metrics"]["total"] == result["metrics"]["total_unseen"] == 12


def test_a_mix_that_is_killed_goes_on_with_the_same_rows(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = ["experiment=quickstart", *SMALL, "dataset=mix", name_sets(folder), "training.save_steps=3"]
    monkeypatch.setattr(interrupted, "OVERRIDES", [*overrides, "model.scratch.dropout=0.2"])
    whole = run_apart(tmp_path / "whole")
    assert whole.status == 0, whole.said
    assert run_apart(tmp_path / "run", kill_at=whole.changes * 2 // 3).status == signal.SIGKILL
    again = run_apart(tmp_path / "run")
    assert "resuming after step" in again.said, again.said
    for name in ("model/model.safetensors", "predictions.json", "scores.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_several_files_train_as_one_file_does(tmp_path: Path, folder: Path) -> None:
    """Nothing is trained here: the fingerprint of the data and the figures of the audit say what would be."""
    both = tmp_path / "both.jsonl"
    both.write_text("\n".join((folder / name).read_text("utf-8") for name in ("one.jsonl", "two.jsonl")), "utf-8")
    results = []
    for number, files in enumerate((f"[{folder}/one.jsonl,{folder}/two.jsonl]", str(both))):
        data = ["dataset=squad_json", "dataset.language=tr", f"dataset.train_file={files}"]
        more = [f"dataset.validation_file={folder}/dev.jsonl", "training.num_train_epochs=0"]
        results.append(run_small(tmp_path / str(number), *data, *more)["dataset"])
    assert results[0]["fingerprint"] == results[1]["fingerprint"]
    assert results[0]["audit"] == results[1]["audit"]
    assert results[0]["train_rows"] == results[1]["train_rows"]


def test_a_model_is_scored_without_a_train_split(
    mixed: tuple[Path, dict[str, Any]], tmp_path: Path, folder: Path
) -> None:
    """The trained model answers as it did, and nothing claims to know which contexts it has seen."""
    trained, expected = mixed
    overrides = ["model=pretrained", f"model.pretrained={trained}/model", "training.num_train_epochs=0"]
    data = ["dataset=squad_json", "dataset.language=tr", f"dataset.validation_file={folder}/dev.jsonl"]
    plain = [override for override in SMALL if "scratch" not in override and "epochs" not in override]
    config, choices = compose_config(["experiment=quickstart", *plain, *overrides, *data])
    config.training.output_dir = str(tmp_path)
    result = run(config, choices)
    assert json.loads((tmp_path / "predictions.json").read_text()) == json.loads(
        (trained / "predictions.json").read_text()
    )
    assert result.metrics["f1"] == expected["metrics"]["f1"]
    assert result.weights["head"] == "kept"
    assert "f1_unseen" not in result.metrics and "leakage" not in result.dataset["audit"]
    assert result.dataset["train_examples"] == 0 and not (tmp_path / "checkpoints").exists()
