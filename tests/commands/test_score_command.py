"""Test `mlqa score` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlqa.cli import main

CONTEXTS = ["Ali İstanbul'da 1934 yılında doğdu.", "Ayşe Isparta'da yaşar, kedileri sever."]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a train file with the first context, and dev files of SQuAD 1.1 and 2.0 with both contexts."""

    def paragraph(number: int, *questions: tuple[str, str, str | None]) -> dict[str, Any]:
        context = CONTEXTS[number]
        return {
            "context": context,
            "qas": [
                {"id": key, "question": text, "answers": []}
                if gold is None
                else {"id": key, "question": text, "answers": [{"text": gold, "answer_start": context.index(gold)}]}
                for key, text, gold in questions
            ],
        }

    def write(name: str, *paragraphs: dict[str, Any]) -> None:
        (tmp_path / name).write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), "utf-8")

    first = [("1", "Ali nerede doğdu?", "İstanbul"), ("2", "Ne zaman doğdu?", "1934"), ("2", "Kim doğdu?", "Ali")]
    second = [("3", "Ayşe nerede yaşar?", "Isparta")]
    write("train.json", paragraph(0, *first))
    write("dev.json", paragraph(0, *first), paragraph(1, *second))
    write("dev2.json", paragraph(0, *first), paragraph(1, *second, ("4", "Ayşe kaç yaşında?", None)))
    return tmp_path


def predictions_in(folder: Path, content: Any, name: str = "predictions.json") -> str:
    path = folder / name
    path.write_text(json.dumps(content), "utf-8")
    return str(path)


def scored(capsys: pytest.CaptureFixture[str], folder: Path, predictions: str, *arguments: str) -> Any:
    files = [f"dataset.train_file={folder / 'train.json'}", f"dataset.validation_file={folder / 'dev.json'}"]
    main(["score", predictions, "dataset=squad_json", "dataset.language=tr", *files, *arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def test_scores_by_hand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Score rows that are right, wrong, right (the id "2" again), and right only by Turkish rules.

    Only the last context is unseen.
    """
    path = predictions_in(folder, {"1": "İstanbul", "2": "1935", "2#2": "Ali", "3": "ısparta"})
    report = scored(capsys, folder, path)
    metrics = report["metrics"]
    assert (metrics["exact_match"], metrics["exact_match_language"]) == (50.0, 75.0)
    assert (metrics["exact_match_unseen"], metrics["exact_match_language_unseen"]) == (0.0, 100.0)
    assert (metrics["total"], metrics["total_unseen"], report["missing"]) == (4, 1, 0)
    assert (report["squad_version"], report["language"], report["dataset"]) == ("1.1", "tr", "squad_json")
    assert report["breakdown"]["question_type"]["where"] == {"total": 2, "exact_match": 50.0, "f1": 50.0}


def test_without_train_nothing_is_said_of_unseen_contexts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = predictions_in(folder, [{"id": 1, "prediction_text": "İstanbul"}])
    main(
        [
            "score",
            path,
            "dataset=squad_json",
            "dataset.language=tr",
            f"dataset.validation_file={folder / 'dev.json'}",
            "--json",
        ]
    )
    shown = capsys.readouterr()
    metrics = json.loads(shown.out)["metrics"]
    assert metrics["exact_match"] == 25.0
    assert not [name for name in metrics if "unseen" in name]


def test_what_is_missing_is_told_once(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = predictions_in(folder, {"1": "İstanbul", "x": "y"})
    assert scored(capsys, folder, path)["missing"] == 3
    assert [record.message.removeprefix(f"{path}: ") for record in caplog.records] == [
        "no prediction for 3 of 4 rows, which score 0; first: 2",
        "1 of 2 predictions belong to no row",
    ]


def test_null_odds_and_thresholds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Test scores worked out by hand: all are answered, and the question without an answer has the highest odds."""
    path = predictions_in(folder, {"1": "İstanbul", "2": "1934", "2#2": "Ali", "3": "Isparta", "4": "kedileri"})
    odds = predictions_in(folder, {"1": -3, "2": -2, "2#2": -1, "3": 0.5, "4": 7}, "odds.json")
    own = [f"dataset.validation_file={folder / 'dev2.json'}", "--null-odds", odds]
    report = scored(capsys, folder, path, *own)
    metrics = report["metrics"]
    assert report["squad_version"] == "2.0"
    assert (metrics["exact_match"], metrics["HasAns_exact"], metrics["NoAns_exact"]) == (80.0, 100.0, 0.0)
    assert (metrics["best_exact"], metrics["best_exact_thresh"]) == (100.0, 0.5)
    bound = scored(capsys, folder, path, *own, "--na-prob-thresh", "0.5")
    assert bound["metrics"]["exact_match"] == 100.0
    assert bound["breakdown"]["answer_length"]["none"] == {"total": 1, "exact_match": 100.0, "f1": 100.0}
    strict = scored(capsys, folder, path, *own, "--na-prob-thresh=-9")["metrics"]
    assert (strict["HasAns_exact"], strict["NoAns_exact"]) == (0.0, 100.0)


def test_rows_without_a_place_are_scored_as_the_official_script_does(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Scores by hand: the script looks at no offset, so the gold of row 2, which is nowhere, counts like any other."""
    golds = {"1": [("Ali", 0), ("yok", 0)], "2": [("hiç", 0)], "3": [("Ali", 0)], "4": [("bin", 0)]}
    qas = [
        {"id": key, "question": "Kim?", "answers": [{"text": text, "answer_start": start} for text, start in pairs]}
        for key, pairs in golds.items()
    ]
    content = {"data": [{"paragraphs": [{"context": CONTEXTS[0], "qas": qas}]}]}
    dev = predictions_in(folder, content, "short.json")
    path = predictions_in(folder, {"1": "yok", "2": "hiç", "3": "Ali", "4": "Ali"})
    report = scored(capsys, folder, path, f"dataset.validation_file={dev}")
    assert (report["metrics"]["exact_match"], report["metrics"]["exact_match_language"]) == (75.0, 75.0)
    assert (report["metrics"]["total"], report["missing"], report["squad_version"]) == (4, 0, "1.1")
    told = [record.message for record in caplog.records if record.name == "mlqa.commands.score"]
    assert len(told) == 1 and told[0].startswith("2 of 4 rows of the data set have no question, or no answer")
    assert not [record for record in caplog.records if "belong" in record.message]


def test_null_odds_without_a_question_that_has_no_answer(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = predictions_in(folder, {"1": "İstanbul", "2": "1934", "2#2": "Ali", "3": "Isparta"})
    odds = predictions_in(folder, {"1": 9, "2": 9}, "odds.json")
    report = scored(capsys, folder, path, "--null-odds", odds, "--na-prob-thresh", "1")
    assert report["metrics"]["exact_match"] == 100.0
    (warning,) = [record.message for record in caplog.records]
    assert "odds.json: has no effect: the data set has no question without an answer" in warning


def test_the_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = predictions_in(folder, {"1": "İstanbul", "2": "1934", "2#2": "Ali", "3": "x", "4": ""})
    files = [f"dataset.train_file={folder / 'train.json'}", f"dataset.validation_file={folder / 'dev2.json'}"]
    main(["score", path, "dataset=squad_json", "dataset.language=tr", *files])
    shown = capsys.readouterr().out
    for part in ("all questions", "by the language's rules", "context not in train", "without an answer", "how many"):
        assert part in shown
    assert "SQuAD 2.0" in shown


@pytest.mark.parametrize(
    ("content", "arguments", "code", "part"),
    [
        ({"9": "x"}, [], 1, "none of its ids (1) is in the data set (4 rows, the first is '1')"),
        ({"1": 3}, [], 1, "predictions.json, id 1: the prediction must be text"),
        ({"1": "x"}, ["--na-prob-thresh", "1"], 2, "--null-odds"),
        ({"1": "x"}, ["--null-odds", "nowhere.json"], 1, "nowhere.json: there is no such file"),
        ({"1": "x"}, ["dataset.langage=tr"], 2, "did you mean"),
        ({"1": "x"}, ["dataset.validation_file=nowhere.json"], 2, "nowhere.json: there is no such file"),
    ],
)
def test_errors_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], content: Any, arguments: list[str], code: int, part: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        scored(capsys, folder, predictions_in(folder, content), *arguments)
    assert ended.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert part in line


def test_torch_is_not_needed(folder: Path) -> None:
    path = predictions_in(folder, {"1": "İstanbul"})
    code = (
        "import sys\nfrom mlqa.cli import main\n"
        f"main(['score', {path!r}, 'dataset=squad_json', 'dataset.language=tr', "
        f"'dataset.validation_file={folder / 'dev.json'}', '--json'])\n"
        "print([name for name in ('torch', 'transformers', 'datasets') if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr
