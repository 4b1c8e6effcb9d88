"""What makes a sweep not worth its money is said in the dry run and before the launch, for each data set and model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlqa.config import readiness
from mlqa.config.preflight import check_command_line
from mlqa.config.readiness import warn_before_launch

PAID = ("-m", "dataset=sample", "hardware=g4dn")


class Audits:
    """A stand-in for the process that audits."""

    def __init__(self, returncode: int = 0, **content: Any) -> None:
        self.commands: list[list[str]] = []
        self._answer = returncode, json.dumps({"tokenizer": {}, "before_training": [], **content})

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command[command.index("--json") + 1 :])
        code, text = self._answer
        return subprocess.CompletedProcess(command, code, text, "warning\nerror: no such file\n")


def read_warnings(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what is said, without the lines about the progress of a slow machine."""
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("before you pay: ")]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLQA_CACHE", str(tmp_path / "cache"))


def use(monkeypatch: pytest.MonkeyPatch, audits: Audits) -> Audits:
    monkeypatch.setattr(readiness.subprocess, "run", audits)
    return audits


def test_each_model_is_audited_once_and_what_is_found_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audits = use(monkeypatch, Audits(before_training=["42.0 % of the tokens are unknown."]))
    members = check_command_line([*PAID, "model=tiny_char,tiny_unigram", "seed=1,2"])
    said = [
        "before you pay: model=tiny_char dataset=sample: 42.0 % of the tokens are unknown.",
        "before you pay: model=tiny_unigram dataset=sample: 42.0 % of the tokens are unknown.",
    ]
    for _ in range(2):
        warn_before_launch(members)
        assert read_warnings(capsys) == said
    assert sorted(command[2] for command in audits.commands) == ["model=tiny_char", "model=tiny_unigram"]


def test_nothing_is_asked_for_members_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    audits = use(monkeypatch, Audits())
    warn_before_launch(check_command_line(["-m", "dataset=sample", "model=tiny_char", "seed=1,2"]))
    assert audits.commands == []


def test_another_file_is_another_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audits, file = use(monkeypatch, Audits()), tmp_path / "train.json"
    files = [f"dataset.{split}_file={file}" for split in ("train", "validation")]
    for text in ("{}", "{ }", "{ }"):
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
        warn_before_launch(
            check_command_line(
                ["-m", "dataset=squad_json", "dataset.language=tr", *files, "model=tiny_char", "hardware=p3"]
            )
        )
    assert len(audits.commands) == 2


@pytest.mark.parametrize(
    ("audits", "said"),
    [
        (Audits(1), "not checked: no such file"),
        (Audits(tokenizer={"error": "cannot be fetched"}), "the tokenizer was not checked: cannot be fetched"),
    ],
)
def test_what_was_not_checked_is_said_and_not_kept(
    audits: Audits, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, audits)
    members = check_command_line([*PAID, "model=tiny_char"])
    for _ in range(2):
        warn_before_launch(members)
        assert read_warnings(capsys) == [f"before you pay: model=tiny_char dataset=sample: {said}"]
    assert len(audits.commands) == 2


@pytest.mark.slow
def test_a_leak_and_long_answers_of_a_real_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = "bir iki üç dört beş altı"
    row = {"question": "Nedir?", "context": f"Sayılar {answer}.", "answers": {"text": [answer], "answer_start": [8]}}
    file = tmp_path / "data.jsonl"
    file.write_text(json.dumps(row), "utf-8")
    files = [f"dataset.{split}_file={file}" for split in ("train", "validation")]
    warn_before_launch(
        check_command_line(
            ["-m", "dataset=squad_json", "dataset.language=tr", *files, "model=tiny_char", "hardware=g4dn",
             "training.max_answer_length=9", "training.max_seq_length=128", "training.doc_stride=32"]
        )
    )  # fmt: skip
    long, leak = read_warnings(capsys)
    assert "100.0 % of the answers are longer than training.max_answer_length=9 tokens" in long
    assert "100.0 % of the validation questions are in train with their context" in leak
