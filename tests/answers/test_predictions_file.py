"""Test reading predictions and null odds in every form that files have."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.answers.predictions_file import (
    align_null_odds,
    align_predictions,
    index_by_id,
    name_rows,
    read_null_odds,
    read_predictions,
)
from mlqa.errors import DataError


def written(folder: Path, text: str, name: str = "predictions.json") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '{"1": "Ankara", "b": ""}'),
        ("p.json", '\ufeff{"1": "Ankara", "b": ""}'),
        ("p.json", '[{"id": 1.0, "prediction_text": "Ankara"}, {"id": "b", "prediction_text": ""}]'),
        ("p.json", '[{"id": 1, "prediction_text": "Ankara"}, {"id": "b", "prediction_text": "", "x": 0}]'),
        ("p.jsonl", '{"id": 1, "prediction_text": "Ankara"}\n\n{"id": "b", "prediction_text": ""}\n'),
        # mlqa predict --json, with candidates, and scores.jsonl
        (
            "p.json",
            '[{"id": "1", "question": "?", "answers": [{"text": "Ankara", "start": 0}, {"text": "x"}]},'
            ' {"id": "b", "question": "?", "answers": []}]',
        ),
        ("p.jsonl", '{"set": "tquad", "id": "1", "golds": [], "answer": "Ankara"}\n{"id": "b", "answer": ""}\n'),
        # nbest_predictions.json of run_qa.py
        ("p.json", '{"1": [{"text": "Ankara", "probability": 0.9}, {"text": "x"}], "b": [{"text": ""}]}'),
    ],
)
def test_every_form_is_read(tmp_path: Path, name: str, text: str) -> None:
    assert read_predictions(written(tmp_path, text, name)) == {"1": "Ankara", "b": ""}


def test_a_list_may_hold_an_id_again(tmp_path: Path) -> None:
    rows = [{"id": identifier, "prediction_text": text} for identifier, text in (("a", "1"), ("b", "2"), ("a", "3"))]
    found = read_predictions(written(tmp_path, json.dumps(rows)))
    assert align_predictions(found, ["a", "b", "a"], "p") == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("p.json", '{"a": "x",}', "p.json: broken JSON at line 1"),
        ("p.jsonl", '{"id": 1, "prediction_text": "x"}\n{"id"', "broken JSON at line 2"),
        ("p.jsonl", '{"id": 1, "text": "x"}', "line 1: needs id and prediction_text; it has id, text"),
        ("p.json", '{"a": 3}', "id a: the prediction must be text, but is 3"),
        ("p.json", '{"a": null}', "id a: the prediction must be text, but is None"),
        ("p.json", '[{"id": "a"}]', "entry 0: needs id and prediction_text; it has id"),
        ("p.json", '["a"]', "entry 0: must be"),
        ("p.json", "3", "p.json: must be"),
        ("p.json", "{}", "p.json: has no entries"),
        ("p.json", "[]", "p.json: has no entries"),
        ("p.json", '[{"id": null, "prediction_text": "x"}]', "entry 0: id must be text or a whole number"),
        ("p.json", '{"a": "\\ud800"}', "id a: the prediction must be text"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, part: str) -> None:
    with pytest.raises(DataError) as caught:
        read_predictions(written(tmp_path, text, name))
    assert part in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_no_such_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_predictions(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xfc"}')
    with pytest.raises(DataError, match="is a folder; give a file in it"):
        read_predictions(tmp_path)
    with pytest.raises(DataError, match="not UTF-8 at byte 7"):
        read_predictions(tmp_path / "latin.json")


def test_missing_and_unknown_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert align_predictions({"b": "x", "z": "y"}, ["a\x1b", "b", "c"], "p.json") == [None, "x", None]
    assert [record.message for record in caplog.records] == [
        "p.json: no prediction for 2 of 3 rows, which score 0; first: a<U+001B>",
        "p.json: 1 of 2 predictions belong to no row",
    ]
    caplog.clear()
    assert align_predictions({"b": "x", "z": "y"}, ["b"], "p.json", dropped={"z"}) == ["x"]
    assert not caplog.records, "it has a row, though one that is not scored"


def test_predictions_of_another_data_set_are_refused() -> None:
    with pytest.raises(DataError, match=r"none of its ids \(2\) is in the data set \(1 rows, the first is '7'\)"):
        align_predictions({"x": "a", "y": "b"}, ["7"], "p.json")


def test_null_odds_keep_the_order_of_their_file(tmp_path: Path) -> None:
    found = read_null_odds(written(tmp_path, '{"c": 1, "a": -2.5, "z": 0}'))
    assert align_null_odds(found, ["a", "b", "c"], ["x", None, ""], "odds") == ([-2.5, 0.0, 1.0], [2, 0])
    with pytest.raises(DataError, match="no odds for 1 of 3 predicted rows; first: b"):
        align_null_odds(found, ["a", "b", "c"], ["x", "y", ""], "odds")


@pytest.mark.parametrize("value", ['"1"', "null", "true", "NaN", "[1]", "Infinity", "-Infinity", "9" * 400])
def test_odds_are_numbers(tmp_path: Path, value: str) -> None:
    with pytest.raises(DataError, match="id a: the odds must be a number"):
        read_null_odds(written(tmp_path, f'{{"a": {value}}}'))


def test_repeated_ids_keep_their_answers() -> None:
    assert index_by_id(["a", "b", "a", "a"], ["1", "2", "3", "4"]) == {"a": "1", "b": "2", "a#2": "3", "a#3": "4"}
    assert name_rows(["a", "a", "a#2", "a#2"]) == ["a", "a#3", "a#2", "a#2#2"]


@given(st.lists(st.sampled_from(["a", "a#2", "a#2#2", "a#3", "b"]), max_size=12))
def test_names_are_as_many_as_rows(ids: list[str]) -> None:
    names = name_rows(ids)
    assert len(set(names)) == len(ids)
    assert names == name_rows(ids)
    for row, identifier in enumerate(ids):
        if identifier not in ids[:row]:
            assert names[row] == identifier


def test_a_prediction_without_a_text_says_how_no_answer_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='the prediction must be text, but is None; "" is no answer'):
        read_predictions(written(tmp_path, '{"1": null}'))
