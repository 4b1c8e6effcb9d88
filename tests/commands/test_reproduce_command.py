"""`mlqa reproduce`: the same command gives the same answers, and what is not the same is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny_runs import TINY, train
from trainers import small

from mlqa.cli import main
from mlqa.config.identity import compute_config_hash
from mlqa.config.recorded import read_recorded_config
from mlqa.data.sample import generate
from mlqa.tokenization.scratch import train_tokenizer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "run"
    done = train(folder.parent, *TINY, f"hydra.run.dir={folder}")
    assert done.returncode == 0, done.stderr
    return folder


def reproduce(*arguments: str) -> int:
    try:
        main(["reproduce", *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_the_same_command_gives_the_same_answers(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again"
    assert reproduce(str(run_dir), "--into", str(again)) == 0
    said = capsys.readouterr().out
    assert "reproduced: 30 of 30 answers are the same, scores differ by at most 0 points" in said
    assert (again / "predictions.json").read_bytes() == (run_dir / "predictions.json").read_bytes()
    assert reproduce(str(run_dir), "--with", str(again), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["reproduced"] and not told["different"] and told["same_data"] and told["same_settings"]


def test_the_recorded_config_is_the_runs(run_dir: Path) -> None:
    recorded = read_recorded_config(run_dir)
    assert compute_config_hash(recorded) == json.loads((run_dir / "result.json").read_text())["config_hash"]
    assert read_recorded_config(run_dir, ["seed=7"]).training.seed == 7


def test_what_differs_is_told(run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = shutil.copytree(run_dir, tmp_path / "other")
    answers = json.loads((other / "predictions.json").read_text("utf-8"))
    first = next(iter(answers))
    answers[first] = "elsewhere"
    (other / "predictions.json").write_text(json.dumps(answers))
    result = json.loads((other / "result.json").read_text("utf-8"))
    result["metrics"]["f1"] += 0.25
    result["versions"]["torch"] = "1.0"
    (other / "result.json").write_text(json.dumps(result))
    assert reproduce(str(run_dir), "--with", str(other)) == 1
    said = capsys.readouterr().out
    assert "NOT reproduced: 29 of 30 answers are the same, scores differ by at most 0.25 points" in said
    assert f"{first}: " in said and "'elsewhere'" in said and "repeated with 1.0" in said
    assert reproduce(str(run_dir), "--with", str(other), "--tolerance", "0.2") == 1
    assert reproduce(str(run_dir), "--with", str(other), "--tolerance", "0.3") == 0
    assert "reproduced within 0.3 points" in capsys.readouterr().out


def test_counts_and_intervals_are_no_scores(run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = shutil.copytree(run_dir, tmp_path / "other")
    result = json.loads((other / "result.json").read_text("utf-8"))
    result["metrics"]["f1_ci_low"] += 7
    (other / "result.json").write_text(json.dumps(result))
    assert reproduce(str(run_dir), "--with", str(other)) == 0
    assert "scores differ by at most 0 points" in capsys.readouterr().out
    result["metrics"]["total"] += 970
    (other / "result.json").write_text(json.dumps(result))
    assert reproduce(str(run_dir), "--with", str(other), "--tolerance", "100") == 1
    said = capsys.readouterr().out
    assert "the number of questions is NOT the same (total 30, repeated 1000)" in said
    assert "scores differ by at most 0 points" in said


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["dataset.sample.seed=1"], "the run read other data"),
        (["training.learning_rat=3"], "training.learning_rat=3: training has no key 'learning_rat'"),
        (["sed=1"], "(did you mean seed?)"),
        (["packed"], "packed: not a setting"),
        (["training.doc_stride=500"], "training.doc_stride=500"),
        (["--tolerance", "-1"], "choose 0 or more points"),
        (["--with", "elsewhere", "seed=1"], "--with runs nothing"),
        (["--with", "elsewhere"], "the file does not exist"),
    ],
)
def test_errors_are_one_line_and_come_before_anything_is_trained(
    run_dir: Path, tmp_path: Path, arguments: list[str], problem: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert reproduce(str(run_dir), *arguments) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and problem in line
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert reproduce(str(run_dir), "--into", str(tmp_path / "file" / "x")) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"error: {tmp_path}/file/x: cannot be written: Not a directory; choose another folder by --into"
    ]


def test_a_run_without_its_config_is_not_guessed(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = shutil.copytree(run_dir, tmp_path / "bare", ignore=shutil.ignore_patterns(".hydra"))
    assert reproduce(str(bare)) == 1
    assert "copy its .hydra" in capsys.readouterr().err


def test_packed_grouped_and_padded_agree_within_half_a_point(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/runs.md states this tolerance. The model has no dropout, which packed rows would draw in another order."""
    examples = generate(120, seed=0)
    tokenizer = train_tokenizer([*examples.contexts, *examples.questions], "wordpiece", 1600, 512)
    tokenizer.save_pretrained(tmp_path / "model")
    small("Bert").save_pretrained(tmp_path / "model")
    size = [f"dataset.sample.{split}_rows={rows}" for split, rows in (("train", 120), ("validation", 60))]
    overrides = [f"model.pretrained={tmp_path}/model", "model=berturk", "dataset=sample", "tracking=files", *size]
    steps = ["training.batching=packed", "training.num_train_epochs=1", "training.max_seq_length=128"]
    done = train(tmp_path, *overrides, *steps, "training.doc_stride=32", f"hydra.run.dir={tmp_path}/run")
    assert done.returncode == 0, done.stderr
    for batching in ("grouped", "padded"):
        into = ["--into", f"{tmp_path}/{batching}", "--tolerance", "0.5"]
        assert reproduce(f"{tmp_path}/run", f"training.batching={batching}", *into) == 0
        assert "the settings are NOT the same" in capsys.readouterr().out
