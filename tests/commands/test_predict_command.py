"""Test `mlqa predict` as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

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
        "training.max_steps=1", "training.max_answer_length=9", "model.scratch.num_hidden_layers=1",
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


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["{run}"], 2, "give --context and --question, or --file"),
        (["{run}", "--file", "x", "--question", "y"], 2, "either --file or"),
        (["{run}", "--context", "x", "--question", "y", "--top-k", "0"], 2, "--top-k=0"),
        (["{run}/nowhere", "--context", "x", "--question", "y"], 1, "has no model/"),
        (["{run}", "--context", " ", "--question", "y"], 1, "the context of entry 0 is empty"),
        (["{run}", "--context", "x", "--question", "\udcff"], 1, "is not valid UTF-8"),
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
