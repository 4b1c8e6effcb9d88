"""`mlqa errors` and `mlqa score --relabelled`, from the scores of a run to the golds of annotators and back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlqa.cli import main
from mlqa.data.examples import Answer, Examples
from mlqa.metrics.language_rules import get_language_rules
from mlqa.metrics.scores_file import build_score_rows
from mlqa.metrics.scoring import score_questions
from mlqa.result import write_json, write_json_lines

CONTEXT = "Ali 1923'te Ankara'ya geldi. Veli Sivas'ta kaldı."
QUESTIONS = ["Kim geldi?", "Ne zaman geldi?", "Nereye geldi?", "Kim kaldı?", "Nerede kaldı?"]
GOLDS = ["Ali", "1923", "Ankara", "Veli", "Sivas"]
ANSWERS = ["Ali", "1923'te", "Ankara'ya geldi", "Sivas", ""]


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    answers = [(Answer(gold, CONTEXT.index(gold)),) for gold in GOLDS]
    examples = Examples(list("abcde"), QUESTIONS, [CONTEXT], np.zeros(5, np.int64), answers)
    scores = score_questions(ANSWERS, examples, rules=get_language_rules("tr"))
    rows = build_score_rows("squad_json", "validation", examples, ANSWERS, scores, {}, None)
    run = tmp_path / "run"
    write_json_lines(run / "scores.jsonl", list(rows))
    write_json(run / "predictions.json", dict(zip(examples.ids, ANSWERS, strict=True)))
    result = {"schema_version": 2, "status": "completed", "choices": {"dataset": "squad_json"}, "dataset": {}}
    write_json(run / "result.json", {**result, "reported_split": "validation"})
    (run / ".hydra").mkdir()
    (run / ".hydra" / "config.yaml").write_text("dataset:\n  language: tr\n", "utf-8")
    data = [
        {"id": name, "context": CONTEXT, "question": question, "answers": {"text": [gold], "answer_start": [start]}}
        for name, question, gold, start in zip(
            examples.ids, QUESTIONS, GOLDS, [CONTEXT.index(gold) for gold in GOLDS], strict=True
        )
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, data)), "utf-8")
    return run


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    main([*arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def test_groups_shares_and_examples(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "errors", str(run_dir), "--examples", "1")
    assert (found["questions"], found["wrong"]) == (5, 4)
    assert list(found["groups"]) == ["withheld", "suffix_long", "long", "place"]
    assert all(group["total"] == 1 for group in found["groups"].values())
    assert all(group["share"] == 0.25 and len(group["examples"]) == 1 for group in found["groups"].values())
    assert found["groups"]["suffix_long"]["examples"][0] == {
        "id": "b", "question": QUESTIONS[1], "answer": "1923'te", "gold": "1923",
    }  # fmt: skip


def test_the_tables(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["errors", str(run_dir)])
    shown = capsys.readouterr().out
    for part in ("4 of 5 answers are not an exact match", "too long by a suffix", "25%", "1923'te", "(no answer)"):
        assert part in shown


def test_there_and_back(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run_dir.parent / "errors.csv"
    printed(capsys, "errors", str(run_dir), "--csv", str(path))
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    assert [row["id"] for row in rows] == list("bcde")
    verdicts = {"b": {"verdict": "right"}, "d": {"verdict": "gold", "new_gold": "Sivas"}, "c": {"verdict": "wrong"}}
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows({**row, **verdicts.get(row["id"], {})} for row in rows)
    command = ["score", str(run_dir / "predictions.json"), "dataset=squad_json", "dataset.language=tr"]
    command += [f"dataset.validation_file={run_dir.parent}/dev.jsonl", "--relabelled", str(path)]
    found = printed(capsys, *command)
    assert found["metrics"]["exact_match"] == 20
    assert found["relabelled"]["metrics"]["exact_match"] == 60
    assert found["relabelled"]["verdicts"] == {"right": 1, "gold": 1, "wrong": 1}
    main(command)
    assert "1 right, 1 gold, 1 wrong" in " ".join(capsys.readouterr().out.split())


def test_all_answers_go_to_annotators(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run_dir.parent / "all.csv"
    main(["errors", str(run_dir), "--csv", str(path), "--all"])
    assert f"5 answers are in {path}" in capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    assert [row["id"] for row in rows] == list("abcde") and rows[0]["group"] == ""


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["{run}", "--examples", "-1"], 2, "--examples=-1"),
        (["{run}", "--all"], 2, "--all: has no effect without --csv"),
        (["{run}/none"], 1, "result.json: the file does not exist"),
        (["{run}", "--csv", "{run}/none/e.csv"], 1, "cannot be written"),
    ],
)
def test_errors_are_one_line(
    run_dir: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, part: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["errors", *(argument.format(run=run_dir) for argument in arguments)])
    assert ended.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and part in line


def test_a_run_without_scores(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run_dir / "scores.jsonl").unlink()
    with pytest.raises(SystemExit):
        main(["errors", str(run_dir)])
    assert "has no scores.jsonl" in capsys.readouterr().err
