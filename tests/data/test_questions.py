"""Questions are read from every format of a data set, with or without ids and answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlqa.data.questions import load_questions
from mlqa.errors import DataError

ROWS = [
    {"context": "Samsun kentidir.", "question": "Neresi?"},
    {"context": "Sinop kentidir.", "question": "Nere?"},
]
SQUAD = {
    "data": [{"paragraphs": [{"context": row["context"], "qas": [{"question": row["question"]}]} for row in ROWS]}]
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.json", json.dumps(ROWS)),
        ("q.json", json.dumps({"data": ROWS})),
        ("q.json", json.dumps(SQUAD)),
        ("q.jsonl", "\n".join(map(json.dumps, ROWS))),
        ("q.csv", "question,context\n" + "\n".join(f"{row['question']},{row['context']}" for row in ROWS)),
        ("q.tsv", "question\tcontext\n" + "\n".join(f"{row['question']}\t{row['context']}" for row in ROWS)),
    ],
)
def test_questions_without_ids(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    examples = load_questions(tmp_path / name)
    assert (examples.ids, examples.questions) == (["0", "1"], ["Neresi?", "Nere?"])
    assert [examples.get_context(row) for row in range(2)] == ["Samsun kentidir.", "Sinop kentidir."]


def test_one_question_and_its_id(tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text(json.dumps({**ROWS[0], "id": 7}), "utf-8")
    assert load_questions(tmp_path / "q.json").ids == ["7"]


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("q.json", "[]", "has no questions"),
        ("q.jsonl", '{"context": "x"}', "line 1: needs context and question as text"),
        ("q.json", '[{"context": "x", "question": 3}]', "entry 0: needs context and question as text"),
        ("q.json", '[{"context": "x", "question": "\\u200b\\u0000"}]', "the question of entry 0 is empty"),
        ("q.txt", "x", "cannot read .txt"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, part: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        load_questions(tmp_path / name)
    assert part in str(caught.value)
