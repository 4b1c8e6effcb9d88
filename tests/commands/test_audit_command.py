"""Test `mlqa audit` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlqa import environment
from mlqa.cli import main
from mlqa.config.compose import compose_config
from mlqa.errors import ConfigError

SAMPLE = ["dataset=sample", "dataset.sample.train_rows=120", "dataset.sample.validation_rows=30"]
CONTEXT = "İzmir'in kedileri limanda uyur. Ankara'nın kedileri parkta uyur."


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write two correct rows, one whose offset is off by three, and one whose answer is not in the context."""
    answers = [("limanda", 18), ("parkta ", 52), ("parkta", 49), ("bahçede", 0)]
    rows = [
        {
            "id": number,
            "question": f"Nerede {number}?",
            "context": CONTEXT,
            "answers": [{"text": text, "answer_start": at}],
        }
        for number, (text, at) in enumerate(answers)
    ]
    path = tmp_path / "dev.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    main(["audit", *arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, *SAMPLE, "model=tiny_wordpiece", "training.max_answer_length=1")
    assert (found["dataset"], found["model"]) == ("sample", "tiny_wordpiece")
    assert found["figures"]["train"]["rows"]["audited"] == 120
    assert found["figures"]["leakage"]["validation_rows"] == 30
    assert found["tokenizer"]["validation"]["windows"] >= 30
    assert 0 < found["tokenizer"]["train"]["answers_beyond_max_answer_length"] < 1
    assert len(found["fingerprint"]) == 16


def test_json_is_readable_turkish(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", "dataset=squad_json", "dataset.language=tr", f"dataset.validation_file={file}", "--json"])
    shown = capsys.readouterr().out
    assert "answer 'bahçede' is not at 0" in shown


def test_one_split_is_enough(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(
        capsys, "dataset=squad_json", "dataset.language=tr", f"dataset.validation_file={file}", "model=tiny_wordpiece"
    )
    assert set(found["figures"]) == {"validation"}
    assert found["figures"]["validation"]["offsets"] == {
        "golds": 4, "right": 2, "by_rule": 0, "respelt": 0, "repaired": 1, "unlocated": 1, "stripped": 1,
    }  # fmt: skip
    assert "trained on the train split" in found["tokenizer"]["error"]


def test_tables(file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    files = [f"dataset.train_file={file}", f"dataset.validation_file={file}"]
    main(["audit", "dataset=squad_json", "dataset.language=tr", *files, "model=tiny_wordpiece"])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for title in ("Rows and offsets", "Leakage", "Answers", "Unicode", "Lengths", "Windows with the tokenizer"):
        assert title in shown
    for line in (
        "Dropped rows of train: 1. dataset.strict=true refuses",
        "line 4: answer 'bahçede' is not at 0",
        "100.0 % of the validation questions are in train with their context",
        "line 3: 'parkta' is at 52, not at 49",
    ):
        assert line in " ".join(shown.split())


def test_tables_of_long_texts_with_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that no text of the data moves the cursor or is cut off at 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    odd = "a\x1b[31m\u202e\u2028b\nc"
    context = f"{odd}li uyur. " + "kedi " * 30_000
    answers = [odd, "kedi yok"]
    rows = [
        {
            "id": odd + str(number),
            "question": f"{odd}?",
            "context": context,
            "answers": {"text": [text], "answer_start": [0]},
        }
        for number, text in enumerate([*answers, "li"])
    ]
    path = tmp_path / "dev.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    main(
        [
            "audit",
            "dataset=squad_json",
            "dataset.language=tr",
            f"dataset.validation_file={path}",
            "model=tiny_wordpiece",
        ]
    )
    shown = capsys.readouterr().out
    assert "a<U+001B>[31m<U+202E><U+2028>b<U+000A>c" in "".join(shown.split())
    assert not {"\x1b", "\u202e", "\u2028"} & set(shown)
    assert shown.count("150,020") == 5, "of the percentiles and the maximum, not one is cut off"


def test_a_tokenizer_out_of_reach_costs_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", *SAMPLE, "model=berturk", "model.pretrained=nobody/nothing"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Lengths at percentiles" in shown
    assert "model=berturk: skipped: model.pretrained=nobody/nothing" in shown
    assert "model.pretrained=<folder>" in shown


@pytest.mark.slow
def test_stdout_holds_the_json_alone(file: Path) -> None:
    """Test that warnings about dropped rows and about the hub go to stderr."""
    code = "import sys; from mlqa.cli import main; main(sys.argv[1:])"
    command = [
        sys.executable,
        "-c",
        code,
        "audit",
        "--json",
        "dataset=squad_json",
        "dataset.language=tr",
        f"dataset.validation_file={file}",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert json.loads(done.stdout)["figures"]["validation"]["rows"]["dropped"] == 1
    assert "row dropped" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["dataset=tqad"], 2, "did you mean tquad?"),
        (["~dataset"], 2, "dataset: has no value; set dataset=..."),
        (["dataset=squad_json", "dataset.language=tr"], 2, "has no source"),
        (
            ["dataset=squad_json", "dataset.language=tr", "dataset.validation_file={file}", "dataset.strict=true"],
            1,
            "1 of 4 rows are faulty",
        ),
        (
            ["dataset=squad_json", "dataset.language=tr", "dataset.validation_file=missing.json"],
            2,
            "there is no such file",
        ),
    ],
)
def test_errors_are_one_line(
    file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    part: str,
) -> None:
    if code == 2:  # a wrong config is reported before the hub is looked for
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setattr(environment, "go_offline_if_unreachable", lambda: pytest.fail("looked for the hub"))
    with pytest.raises(SystemExit) as ended:
        main(["audit", *(argument.format(file=file) for argument in arguments)])
    assert ended.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and part in line


def test_optional_keys_are_needed_by_a_run_and_not_by_an_audit() -> None:
    config, _ = compose_config(["dataset=xquad_tr"], ["dataset.train_file", "dataset.hub.train_split"])
    assert config.dataset.train_file is None
    with pytest.raises(ConfigError, match=r"set dataset\.train_file"):
        compose_config(["dataset=xquad_tr"])


def test_tquad(assets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [f"dataset.{name}_file={assets}/data/tquad/{split}-v0.1.json" for name, split in
             (("train", "train"), ("validation", "dev"))]  # fmt: skip
    found = printed(capsys, "dataset=tquad", *files)["figures"]
    assert found["leakage"]["questions"]["normalized"] == 194
    assert found["train"]["duplicates"]["rows"] == 644
