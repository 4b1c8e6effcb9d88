"""scores.jsonl: what is written is what is read, and a damaged file is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mlqa.data.examples import Answer, Examples
from mlqa.errors import DataError
from mlqa.metrics.language_rules import get_language_rules
from mlqa.metrics.scores_file import build_score_rows, read_score_rows, replace_score_rows
from mlqa.metrics.scoring import score_questions
from mlqa.result import SCORES, write_json_lines

TURKISH = get_language_rules("tr")


def write(folder: Path, unseen: np.ndarray | None = None) -> Path:
    """Two questions of one context and one of another, with an id that occurs twice and signs that end a line."""
    examples = Examples(
        ["a", "a", "b"], ["Kim\u2028geldi?", "Kim?", "Ne?"], ["Ali geldi\x85", "IRAK"], np.array([0, 0, 1]),
        [(Answer("Ali", 0), Answer("Ali", 0)), (), (Answer("IRAK", 0),)],
    )  # fmt: skip
    predictions = ["Ali \ud800", "", "ırak"]
    scores = score_questions(predictions, examples, rules=TURKISH, version="2.0")
    groups = {"answer_length": ["1", "none", "1"]}
    rows = build_score_rows("tquad", "validation", examples, predictions, scores, groups, unseen)
    write_json_lines(folder / SCORES, rows)
    return folder / SCORES


def test_a_line_holds_all_that_is_known_of_a_question(tmp_path: Path) -> None:
    rows = read_score_rows(write(tmp_path, np.array([True, True, False])), "tquad", "validation")
    assert rows[2] == {
        "set": "tquad", "split": "validation", "id": "b", "context": 1, "seen": True,
        "exact_match": 0, "f1": 0.0, "exact_match_language": 1, "f1_language": 1.0, "groups": {"answer_length": "1"},
        "question": "Ne?", "golds": ["IRAK"], "answer": "ırak", "context_text": "IRAK",
    }  # fmt: skip
    assert [row["id"] for row in rows] == ["a", "a#2", "b"]
    assert (rows[0]["question"], rows[0]["golds"], rows[0]["answer"]) == ("Kim\u2028geldi?", ["Ali"], "Ali \ud800")
    assert rows[0]["f1"] == pytest.approx(2 / 3) and (rows[1]["golds"], rows[1]["f1"]) == ([], 1.0)
    assert ["context_text" in row for row in rows] == [True, False, True]
    assert [row["seen"] for row in read_score_rows(write(tmp_path), "tquad", "validation")] == [None] * 3


def test_only_the_split_that_is_asked_for_is_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(DataError, match="holds no scores of tquad, test"):
        read_score_rows(path, "tquad", "test")
    with pytest.raises(FileNotFoundError):
        read_score_rows(tmp_path / "none.jsonl", "tquad", "validation")


@pytest.mark.parametrize(
    "change",
    [
        {"f1": "1"}, {"f1": 2.0}, {"f1": float("nan")}, {"exact_match": None}, {"golds": "Ali"}, {"golds": [1]},
        {"answer": 3}, {"seen": 1}, {"context": "0"}, {"id": 5}, {"context_text": None},
        {"context": 10**30}, {"context": -1}, {"context": True}, {"context": 9}, {"f1": True}, {"groups": "x"},
        {"groups": {"answer_length": 1}},
    ],
)  # fmt: skip
def test_a_damaged_line_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    path = write(tmp_path)
    lines = path.read_bytes().split(b"\n")
    lines[1] = json.dumps(json.loads(lines[1]) | change).encode()
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(DataError, match=r"line 2 of its scores.jsonl is damaged; score the run again"):
        read_score_rows(path, "tquad", "validation")


def test_the_lines_of_a_set_are_replaced_and_the_others_stay(tmp_path: Path) -> None:
    path = write(tmp_path)
    before = path.read_bytes()
    further = [{**row, "set": "xquad_tr", "f1": 0.5} for row in read_score_rows(path, "tquad", "validation")]
    for _ in range(2):  # again changes nothing
        replace_score_rows(path, further)
        assert path.read_bytes().startswith(before)
        assert [row["f1"] for row in read_score_rows(path, "xquad_tr", "validation")] == [0.5] * 3
    path.write_bytes(before[:40])
    with pytest.raises(DataError, match=r"line 1 of .* is damaged"):
        replace_score_rows(path, further)
