"""The archive for a SageMaker endpoint: its layout, its handler, and nothing of this machine in it."""

from __future__ import annotations

import importlib.util
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from saved_run import SAMPLE, write_run

from mlqa.cli import main
from mlqa.inference import Predictor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("endpoint") / "run", "bert")


@pytest.fixture(scope="module")
def unpacked(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = run_dir / "model" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "_name_or_path": "/home/somebody/base"}), "utf-8")
    main(["export", str(run_dir), "--sagemaker"])
    folder = tmp_path_factory.mktemp("opt_ml_model")
    with tarfile.open(run_dir / "model.tar.gz") as packed:
        assert {(one.uid, one.uname, one.gname) for one in packed} == {(0, "", "")}
        packed.extractall(folder)
    return folder


def load_handler(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location("endpoint_inference", folder / "code" / "inference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_layout_of_the_containers(unpacked: Path) -> None:
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "predict.json"}
    assert {name for name in names if name.startswith("code/")} == {"code/inference.py", "code/predict.py"}
    assert json.loads((unpacked / "config.json").read_text("utf-8"))["_name_or_path"] == "base"


def test_the_handler_answers_as_mlqa_does(unpacked: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    handler = load_handler(unpacked)
    model = handler.model_fn(str(unpacked))
    examples = SAMPLE.select(range(8))
    pairs = [{"question": examples.questions[row], "context": examples.get_context(row)} for row in range(8)]
    predictor = Predictor.from_run(run_dir, device="cpu")
    expected = [(one.answers[0].text, one.answers[0].start) for one in predictor.answer(examples)]
    found = handler.predict_fn({"inputs": pairs}, model)
    assert [(one[0]["text"], one[0]["start"]) for one in found] == expected
    several = handler.predict_fn({"inputs": pairs[0], "parameters": {"top_k": 3}}, model)
    assert len(several) == 3 and several[0]["text"] == expected[0][0]
    with pytest.raises(ValueError, match="a request is"):
        handler.predict_fn({"question": "?"}, model)


@pytest.mark.parametrize(("status", "ended"), [("failed", "failed: out of memory"), ("stopped", "was stopped")])
def test_a_run_that_is_not_completed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], status: str, ended: str
) -> None:
    run_dir = write_run(tmp_path / "run")
    result = json.loads((run_dir / "result.json").read_text("utf-8"))
    error = "out of memory" if status == "failed" else None
    (run_dir / "result.json").write_text(json.dumps({**result, "status": status, "error": error}), "utf-8")
    with pytest.raises(SystemExit):
        main(["export", str(run_dir), "--sagemaker"])
    assert capsys.readouterr().err == f"error: {run_dir}: the run {ended}; give a completed run\n"
    assert not (run_dir / "model.tar.gz").exists()


def test_a_model_that_transformers_alone_cannot_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = write_run(tmp_path / "run")
    config = run_dir / "model" / "config.json"
    described = {**json.loads(config.read_text("utf-8")), "architectures": ["BertWithSpanHead"]}  # a class of mlqa
    config.write_text(json.dumps(described), "utf-8")
    with pytest.raises(SystemExit):
        main(["export", str(run_dir), "--sagemaker"])
    assert "run mlqa export without --sagemaker" in capsys.readouterr().err
    assert not (run_dir / "model.tar.gz").exists()
