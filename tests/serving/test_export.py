"""An export is checked: its graph takes any batch, its files answer without mlqa, and what differs is refused."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from installed import require_installed
from saved_run import SAMPLE, write_run

from mlqa.cli import main
from mlqa.errors import ModelError
from mlqa.inference import Predictor
from mlqa.result import read_result
from mlqa.serving import check, check_questions, export, throughput
from mlqa.serving.check import GraphCheck, explain_refusal, refuse_unequal

require_installed("onnxruntime")
pytestmark = pytest.mark.slow
ALONE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "mlqa"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import json, onnxruntime
from predict import Reader
graphs = [None, onnxruntime.InferenceSession(sys.argv[1] + "/model_int8.onnx")]
print(json.dumps([Reader(sys.argv[1], graph).answer(*sys.argv[2:]) for graph in graphs]))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = write_run(tmp_path_factory.mktemp("exported") / "run", "convbert")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(throughput, "SECONDS", 0.2)
        patch.setattr(check_questions, "QUESTIONS", 12)
        main(["export", str(run_dir), "--max-loss", "100", "--usd-per-hour", "0.36"])
    return run_dir


def test_the_node_of_result_json(exported: Path) -> None:
    serving = read_result(exported)["serving"]
    assert serving["opset"] == 17
    exact = serving["checks"]["fp32"]
    assert (exact["questions"], exact["same_answers"]) == (12, 12)
    assert 0 < exact["logit_difference"] < 1e-4 * exact["logit_range"]
    assert (exact["exact_match"], exact["f1"]) == (serving["exact_match"], serving["f1"])
    assert serving["checks"]["int8"]["logit_difference"] > exact["logit_difference"]
    assert serving["megabytes"]["int8"] < serving["megabytes"]["fp32"]
    assert {speed["graph"] for speed in serving["speeds"]} == {"fp32", "int8"}
    here = next(cost for cost in serving["costs"] if cost["where"] == "this machine")
    best = max(speed["questions_per_second"] for speed in serving["speeds"])
    assert here["is_measured"] and here["usd_per_million"] == pytest.approx(
        100 / best, rel=1e-3
    )  # $0.36/h = $100/1e6 s
    assert set(serving["usd_per_million"]) == {"cpu", "gpu"}
    assert not any(cost["is_measured"] for cost in serving["costs"] if cost is not here)


def test_any_number_of_windows_of_any_width(exported: Path) -> None:
    import onnx

    graph = onnx.load(exported / "onnx" / "model.onnx")
    assert [one.version for one in graph.opset_import if not one.domain] == [17]
    assert {
        tuple(size.dim_param for size in one.type.tensor_type.shape.dim)
        for one in (*graph.graph.input, *graph.graph.output)
    } == {("windows", "width")}
    session = throughput.open_graph(exported / "onnx" / "model.onnx")
    model = Predictor.from_run(exported, device="cpu").model
    for windows, width in ((1, 7), (3, 64), (5, 100)):
        ids = np.random.default_rng(0).integers(5, 300, (windows, width))
        mask = (np.arange(width) < np.arange(width - windows + 1, width + 1)[:, None]).astype(np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": (np.arange(width) > 4) * mask}
        with torch.no_grad():
            expected = model(**{name: torch.from_numpy(rows) for name, rows in inputs.items()})
        found = session.run(None, inputs)
        for mine, theirs in zip(found, (expected.start_logits, expected.end_logits), strict=True):
            np.testing.assert_allclose(mine[mask > 0], theirs.numpy()[mask > 0], atol=1e-4)


def test_the_files_answer_without_mlqa_and_torch(exported: Path, tmp_path: Path) -> None:
    question, context = SAMPLE.questions[0], SAMPLE.get_context(0)
    command = [sys.executable, "-c", ALONE, str(exported / "onnx"), question, context]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expected = Predictor.from_run(exported, device="cpu").answer(SAMPLE.select([0]))[0].answers[0]
    found = json.loads(done.stdout)[0][0]
    assert (found["text"], found["start"]) == (expected.text, expected.start)


def test_another_model_is_refused_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir = write_run(tmp_path / "run")
    write = export.export_graph

    def spoil(model: Any, *rest: Any) -> None:
        with torch.no_grad():
            model.qa_outputs.weight[0, 0] += 1.0
        write(model, *rest)
        with torch.no_grad():
            model.qa_outputs.weight[0, 0] -= 1.0

    monkeypatch.setattr(export, "export_graph", spoil)
    monkeypatch.setattr(check_questions, "QUESTIONS", 3)
    with pytest.raises(ModelError, match="the ONNX graph is refused: its logits differ by up to"):
        export.export_run(run_dir, tmp_path / "onnx", None, 1.0, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


EXACT = GraphCheck(1e-6, 10.0, 200, 200, 60.0, 80.0)


def test_what_a_graph_may_differ_by() -> None:
    refuse_unequal(EXACT)
    with pytest.raises(ModelError, match="1 of 200 answers differ"):
        refuse_unequal(dataclasses.replace(EXACT, same_answers=199))
    with pytest.raises(ModelError, match=r"allowed is 0\.0001 of their range"):
        refuse_unequal(dataclasses.replace(EXACT, logit_difference=0.0011))


def test_what_eight_bits_may_cost() -> None:
    assert explain_refusal(dataclasses.replace(EXACT, f1=79.0), EXACT, 1.0) is None
    assert explain_refusal(dataclasses.replace(EXACT, f1=82.0), EXACT, 0.0) is None
    reason = explain_refusal(dataclasses.replace(EXACT, f1=78.5), EXACT, 1.0)
    assert reason == "1.50 points of F1 are lost on 200 questions, more than --max-loss=1"
    blind = dataclasses.replace(EXACT, f1=None, exact_match=None)
    assert explain_refusal(dataclasses.replace(blind, same_answers=199), blind, 1.0) is None
    assert "2.00 per cent of its answers differ" in str(
        explain_refusal(dataclasses.replace(blind, same_answers=196), blind, 1.0)
    )


def test_a_missing_package_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SystemExit):
        main(["export", str(tmp_path)])
    assert capsys.readouterr().err == ('error: export: needs the package onnxruntime; run pip install "mlqa[export]"\n')


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--max-loss", "-1"], "--max-loss=-1: choose 0 or more"),
        (["--usd-per-hour", "-1"], "--usd-per-hour=-1"),
        (["--sagemaker", "--file", "x.json"], "leave --file out"),
        (["--file", "missing.json"], "has no model/"),
        ([], "has no model/; give the directory of a completed run"),
        (["--sagemaker"], "has no model/; give the directory of a completed run"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    with pytest.raises(SystemExit):
        main(["export", str(tmp_path), *arguments])
    assert part in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [(["--file", "missing.json"], "missing.json"), ([], "give the questions of the check by --file")],
)
def test_questions_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with pytest.raises(SystemExit):
        main(["export", str(tmp_path), *arguments])
    assert part in capsys.readouterr().err


def test_scores_need_golds() -> None:
    unlabelled = dataclasses.replace(SAMPLE, answers=[()] * len(SAMPLE), unplaced={})
    assert check.score_answers([""] * len(SAMPLE), unlabelled) == (None, None)
    right = [SAMPLE.get_gold_texts(row)[0] for row in range(len(SAMPLE))]
    assert check.score_answers(right, SAMPLE) == (100.0, 100.0)
