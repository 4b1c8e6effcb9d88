"""Test `mlqa predict` as a user runs it."""

from __future__ import annotations

import json
import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import TINY_MODEL

from mlqa.cli import main
from mlqa.config.compose import compose_config
from mlqa.experiment import run

pytestmark = pytest.mark.slow

CONTEXT = "İstanbul'da 4200 kedi yaşar. Ankara'da 1350 kedi yaşar."
QUESTION = "İstanbul'da kaç kedi yaşar?"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    overrides = [
        "experiment=quickstart", "dataset.sample.train_rows=60", "dataset.sample.validation_rows=10",
        "training.max_steps=1", "training.max_answer_length=9", *TINY_MODEL,
    ]  # fmt: skip
    config, choices = compose_config(overrides)
    config.training.output_dir = str(folder)
    run(config, choices)
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "config.yaml").write_text(
        "training:\n  max_seq_length: 256\n  max_answer_length: 2\n  seed: ${seed}\n"
    )
    return folder


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    main(["predict", *arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def test_answers_are_slices_of_the_context(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = printed(capsys, str(run_dir), "--context", CONTEXT, "--question", QUESTION, "--top-k", "5")
    answers = row["answers"]
    assert len(answers) == 5
    for answer in answers:
        assert CONTEXT[answer["start"] : answer["end"]] == answer["text"]
        assert 0 <= answer["probability"] <= 1
    assert [answer["score"] for answer in answers] == sorted((answer["score"] for answer in answers), reverse=True)


def test_the_runs_own_settings_hold(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """max_answer_length is 2 in the run directory's config: no answer may have more tokens."""
    from mlqa.inference import Predictor

    predictor = Predictor.from_run(run_dir)
    assert (predictor.training.max_seq_length, predictor.training.max_answer_length) == (256, 2)
    (row,) = printed(capsys, str(run_dir), "--context", CONTEXT, "--question", QUESTION, "--top-k", "20")
    for answer in row["answers"]:
        assert len(predictor.tokenizer.tokenize(answer["text"])) <= 2


def test_a_run_without_its_hydra_folder(run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """hydra.output_subdir=null, or a copy without it: result.json has the settings. Without them nothing is guessed."""
    from mlqa.inference import Predictor

    copy = tmp_path / "copy"
    shutil.copytree(run_dir, copy, ignore=shutil.ignore_patterns(".hydra"))
    assert Predictor.from_run(copy).training.max_answer_length == 9, "as it was trained"
    result = json.loads((copy / "result.json").read_text("utf-8"))
    (copy / "result.json").write_text(json.dumps({**result, "training": None}), "utf-8")
    with pytest.raises(SystemExit):
        main(["predict", str(copy), "--context", CONTEXT, "--question", QUESTION])
    said = capsys.readouterr().err
    assert "neither its result.json nor .hydra/config.yaml has the window settings of this run" in said


def test_the_table_shows_answer_place_and_score(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["predict", str(run_dir), "--context", CONTEXT, "--question", QUESTION])
    shown = capsys.readouterr().out
    assert QUESTION in shown
    for heading in ("answer", "characters", "score", "probability", "sure: "):
        assert heading in shown


def test_a_file_of_questions(run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = [{"context": CONTEXT, "question": QUESTION, "id": "a"}, {"context": CONTEXT, "question": "Kaç?"}]
    squad = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": [{"question": QUESTION, "id": 7}]}]}]}
    (tmp_path / "plain.json").write_text(json.dumps(plain), "utf-8")
    (tmp_path / "squad.json").write_text(json.dumps(squad), "utf-8")
    rows = printed(capsys, str(run_dir), "--file", str(tmp_path / "plain.json"))
    assert [row["id"] for row in rows] == ["a", "1"]
    assert [row["id"] for row in printed(capsys, str(run_dir), "--file", str(tmp_path / "squad.json"))] == ["7"]


def test_a_context_of_many_windows(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = "Ev büyüktür. " * 400 + CONTEXT
    (row,) = printed(capsys, str(run_dir), "--context", long, "--question", QUESTION, "--top-k", "3")
    spans = [(answer["start"], answer["end"]) for answer in row["answers"]]
    assert len(set(spans)) == 3


@pytest.mark.parametrize(("name", "what"), [("model.safetensors", "weights"), ("tokenizer.json", "tokenizer")])
def test_a_cut_model_is_named_by_the_directory_of_the_run(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, what: str
) -> None:
    copy = shutil.copytree(run_dir, tmp_path / "copy")
    file = copy / "model" / name
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(SystemExit):
        main(["predict", str(copy), "--context", "x", "--question", "y"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {copy}/model: its {what} cannot be loaded: ")
    assert line.endswith("; copy the folder again from where the model was trained")


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["{run}"], 2, "give --context and --question, or --file"),
        (["{run}", "--file", "x", "--question", "y"], 2, "either --file or"),
        (["{run}", "--context", "x", "--question", "y", "--top-k", "0"], 2, "--top-k=0"),
        (["{run}", "--context", "x", "--question", "y", "--top-k", "21"], 2, "--top-k=21: choose 1 ... 20"),
        (["{run}", "--context", "x", "--question", "y", "--risk", "1"], 2, "--risk=1"),
        (["{run}", "--context", "x", "--question", "y", "--null-threshold", "nan"], 2, "--null-threshold=nan"),
        (["{run}", "--context", "x", "--question", "y", "--null-threshold", "tuned"], 2, "without unanswerable"),
        (["{run}/nowhere", "--context", "x", "--question", "y"], 1, "has no model/"),
        (["{run}", "--context", " ", "--question", "y"], 1, "--context: is empty; give some text"),
        (["{run}", "--context", "x", "--question", "\u200b\u00a0"], 1, "--question: is empty; give some text"),
        (["{run}", "--context", "x", "--question", "\udcff"], 1, "--question: is not valid UTF-8"),
        (["{run}", "--file", "{run}/missing.json"], 1, "no such file"),
        (["{run}", "--file", "{run}/.hydra/config.yaml"], 1, "cannot read .yaml"),
        (["{run}", "--file", "{run}/tokenization.json"], 1, "no 'data' here"),
    ],
)
def test_errors_are_one_line(
    run_dir: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, part: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["predict", *(argument.format(run=run_dir) for argument in arguments)])
    assert ended.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert part in line


def test_a_batch_answers_as_single_questions_do_and_from_any_thread(run_dir: Path) -> None:
    from mlqa.inference import Predictor

    predictor = Predictor.from_run(run_dir)
    asked = [(f"{QUESTION} {number}", CONTEXT * (1 + number % 5)) for number in range(24)]
    together = predictor.predict_all(asked, top_k=3)
    with ThreadPoolExecutor(8) as threads:
        alone = list(threads.map(lambda pair: predictor.predict(*pair, top_k=3), asked))
    for batched, single in zip(together, alone, strict=True):
        assert [each.text for each in batched.answers] == [each.text for each in single.answers]
        assert batched.probability == pytest.approx(single.probability, abs=1e-5)
        assert batched.is_sure == single.is_sure
    assert predictor.predict_all([]) == []


def test_probabilities_are_at_the_temperature_of_the_model(run_dir: Path, tmp_path: Path) -> None:
    """With all candidates of a question they are the softmax of its scores / T, and T is that of result.json."""
    from mlqa.inference import Predictor

    predictor = Predictor.from_run(run_dir)
    recorded = json.loads((run_dir / "result.json").read_text("utf-8"))["calibration"]
    assert predictor.calibration is not None
    assert (predictor.calibration.temperature, predictor.threshold) == (recorded["temperature"], recorded["threshold"])
    assert "the reported split is the same" in recorded["note"]
    answers = predictor.predict(QUESTION, CONTEXT, top_k=20).answers
    weights = [math.exp((each.score - answers[0].score) / recorded["temperature"]) for each in answers]
    assert [each.probability for each in answers] == pytest.approx([weight / sum(weights) for weight in weights])

    copy = tmp_path / "copy"
    shutil.copytree(run_dir, copy)
    content = {**json.loads((copy / "model" / "calibration.json").read_text("utf-8")), "threshold": 0.0}
    (copy / "model" / "calibration.json").write_text(json.dumps(content), "utf-8")
    assert Predictor.from_run(copy).predict(QUESTION, CONTEXT).is_sure is True
    (copy / "model" / "calibration.json").unlink()
    plain = Predictor.from_run(copy).predict(QUESTION, CONTEXT, top_k=20)
    assert plain.is_sure is None
    assert [each.text for each in plain.answers] == [each.text for each in answers], "T changes no order"


def test_the_lines_of_scores_have_the_probabilities_of_predict(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run_dir, copy, ignore=shutil.ignore_patterns(".hydra"))
    rows = [json.loads(line) for line in (copy / "scores.jsonl").read_text("utf-8").splitlines()]
    contexts = {row["context"]: row["context_text"] for row in rows if "context_text" in row}
    asked = [{"id": row["id"], "context": contexts[row["context"]], "question": row["question"]} for row in rows]
    (tmp_path / "q.json").write_text(json.dumps(asked), "utf-8")
    found = printed(capsys, str(copy), "--file", str(tmp_path / "q.json"), "--top-k", "1")
    assert [row["answers"][0]["text"] for row in found] == [row["answer"] for row in rows]
    expected = [row["probability"] for row in rows]
    assert [row["answers"][0]["probability"] for row in found] == pytest.approx(expected, abs=1e-4)
