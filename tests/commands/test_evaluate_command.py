"""mlqa evaluate: finished runs on further data sets, with the scores that the run itself would have had there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import TINY_MODEL

from mlqa.cli import main
from mlqa.commands.evaluation_jobs import evaluate_remotely
from mlqa.config.compose import compose_config
from mlqa.config.further_sets import name_set
from mlqa.data.sample import generate
from mlqa.experiment import run
from mlqa.result import read_result

pytestmark = pytest.mark.slow

FEW = "dataset.max_eval_samples=12"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of questions, written as SQuAD has them."""
    folder = tmp_path_factory.mktemp("files")
    for name, split, rows in (("mine", "train", 60), ("exam", "validation", 15)):
        examples = generate(rows, 7, split=split)
        content = [
            {
                "id": examples.ids[row], "question": examples.questions[row], "context": examples.get_context(row),
                "answers": {"text": [answer.text], "answer_start": [answer.start]},
            }
            for row, (answer,) in enumerate(examples.answers)
        ]  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on files of its own that was also scored on the sample."""
    folder = tmp_path_factory.mktemp("sweep") / "0"
    overrides = [
        "experiment=quickstart", "dataset=squad_json", "dataset.language=tr",
        f"dataset.train_file={files / 'mine.json'}",
        f"dataset.validation_file={files / 'exam.json'}", "evaluation.sets=[sample,squad_json]", FEW,
        "training.max_steps=2", "training.max_answer_length=9", *TINY_MODEL,
        "training.shuffled_questions_control=false",
    ]  # fmt: skip
    config, choices = compose_config(overrides)
    config.training.output_dir = str(folder)
    run(config, choices)
    return folder


@pytest.fixture
def run_dir(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run that was scored on nothing else."""
    shutil.copytree(trained, tmp_path / "s" / "0")
    folder = tmp_path / "s" / "0"
    content = json.loads((folder / "result.json").read_text("utf-8"))
    (folder / "result.json").write_text(json.dumps({**content, "evaluations": {}}), "utf-8")
    rows = [line for line in (folder / "scores.jsonl").open(encoding="utf-8") if '"set": "squad_json"' in line]
    (folder / "scores.jsonl").write_text("".join(rows), "utf-8")
    return folder


def read_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "scores.jsonl").open(encoding="utf-8")]
    return [row for row in rows if row["set"] == name]


def test_a_run_is_scored_on_its_sets(trained: Path) -> None:
    """Its own data set is among them, but is scored anyway."""
    evaluations = read_result(trained)["evaluations"]
    assert list(evaluations) == ["sample"]
    record, rows = evaluations["sample"], read_rows(trained, "sample")
    assert record["total"] == len(rows) == 12
    assert (record["language"], record["split"]) == ("tr", "validation")
    assert record["f1"] == pytest.approx(100 * sum(row["f1"] for row in rows) / 12)
    assert len(read_rows(trained, "squad_json")) == 12


def test_afterwards_it_has_the_same_scores(run_dir: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep_dir = str(run_dir.parent)
    main(["evaluate", sweep_dir, "dataset=sample", FEW])
    expected, found = read_result(trained), read_result(run_dir)
    # Afterwards nothing is known of train, so that no score tells unseen contexts or rare words apart.
    known = {key: value for key, value in expected["evaluations"]["sample"].items() if "_unseen" not in key}
    assert found["evaluations"] == {"sample": known}
    assert {**found, "evaluations": None} == {**expected, "evaluations": None}
    rows = [{**row, "seen": None} for row in read_rows(trained, "sample")]
    for row in rows:
        del row["groups"]["gold_rarity"]
    assert read_rows(run_dir, "sample") == rows
    before = {path: path.read_bytes() for path in run_dir.glob("*.json*")}
    capsys.readouterr()
    main(["evaluate", sweep_dir, "dataset=sample", FEW])
    assert "scored before" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in run_dir.glob("*.json*")} == before


def test_jobs_find_the_same_scores(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As jobs, but on this machine: the multirun of train.py, and the way of its scores into the run's files."""
    monkeypatch.chdir(run_dir.parent.parent)
    here = Path(shutil.copytree(run_dir, "here"))
    of_set = ["dataset.sample.train_rows=30", "dataset.sample.validation_rows=12"]
    evaluate_remotely([run_dir], {"sample": "sample"}, of_set, ["hardware=local", "hydra.sweep.dir=jobs"])
    main(["evaluate", str(here), "dataset=sample", *of_set])
    assert read_result(run_dir)["evaluations"] == read_result(here)["evaluations"]
    assert read_rows(run_dir, "sample") == read_rows(here, "sample")
    assert not (Path("jobs") / "report").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{run}"], "dataset: names nothing to score on; add dataset=..."),
        (["dataset=sample"], "evaluate: names no run"),
        (["{run}/model", "dataset=sample"], "holds no completed run"),
        (["{run}", "dataset=sampel"], "did you mean sample?"),
        (["{run}", "dataset=sample,tquad", "dataset.language=tr"], "applies to one data set"),
        (["{run}", "dataset=sample", "hydra.launcher.service=rehearsal"], "needs hardware=..."),
    ],
)
def test_what_is_wrong_is_one_line(
    trained: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", *(argument.format(run=trained) for argument in arguments)])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "squad_json"),
        (["dataset.validation_file=data/exam.json"], "exam"),
        (["dataset.validation_file=[data/exam.json,more/dev.json]"], "exam+dev"),
        (["dataset.validation_file=exam.json", "dataset.test_file=null"], "exam"),
        (["dataset.hub.path=somebody/questions"], "questions"),
    ],
)
def test_a_set_is_called_after_its_files(overrides: list[str], name: str) -> None:
    assert name_set("squad_json", overrides) == name
