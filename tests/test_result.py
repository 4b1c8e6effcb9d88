"""result.json: written whole or not at all, read whatever version wrote it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.errors import RunError
from mlqa.result import (
    FILE,
    Result,
    find_completed,
    get_own_set,
    parse_result,
    read_result,
    write_json,
)

DONE = {"status": "completed", "config_hash": "abc", "dataset": {"fingerprint": "f"}}


def write(folder: Path, **content: Any) -> Path:
    (folder / FILE).write_text(json.dumps(content), "utf-8")
    return folder


def test_what_is_written_is_read(tmp_path: Path) -> None:
    result = Result(status="completed", label="berturk", metrics={"f1": 71.25}, error=None, seed=3)
    result.write(tmp_path)
    assert Result.from_content(read_result(tmp_path)) == result
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_result_of_version_1_has_the_keys_of_version_2(tmp_path: Path) -> None:
    """Version 1 had neither: it scored the validation split alone, and its label was the option."""
    content = read_result(write(tmp_path, schema_version=1, choices={"model": "mbert"}))
    assert (content["reported_split"], content["label"], content["schema_version"]) == ("validation", "mbert", 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"schema_version": 2', "is not JSON: the run that wrote it was probably cut short; run it again"),
        (b"[" * 100_000, "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[]", "is not a JSON object, so mlqa did not write it; run it again"),
        (b"{}", "has no schema_version"),
        (b'{"schema_version": 3}', "has schema_version 3, but this mlqa reads 1 and 2: update mlqa"),
        (b'{"schema_version": true}', "has schema_version True"),
    ],
)
def test_what_is_no_result_is_said(text: bytes, message: str) -> None:
    with pytest.raises(RunError, match=message):
        parse_result(text)


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_content_is_a_traceback(text: bytes) -> None:
    with contextlib.suppress(RunError):
        parse_result(text)


def test_a_directory_is_free_if_nothing_is_completed_there(tmp_path: Path) -> None:
    assert find_completed(tmp_path, "abc") is None
    assert find_completed(write(tmp_path, schema_version=2, **DONE | {"status": "failed"}), "abc") is None


def test_a_completed_run_is_found_by_its_settings(tmp_path: Path) -> None:
    found = find_completed(write(tmp_path, schema_version=2, **DONE), "abc")
    assert found is not None and found.status == "completed"
    with pytest.raises(RunError, match="holds a completed run with other settings: choose another directory"):
        find_completed(tmp_path, "abd")


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"kept": "ığüşöç"})
    (tmp_path / "x.json.partial").mkdir()  # nothing can be written to this name
    with pytest.raises(RunError, match="cannot be written"):
        write_json(path, {"kept": False})
    assert path.read_text("utf-8") == '{\n "kept": "ığüşöç"\n}\n'


def test_the_own_set_of_a_mix_is_its_target() -> None:
    assert get_own_set({"choices": {"dataset": "mix"}, "dataset": {"set": "tquad"}}) == "tquad"
    assert get_own_set({"choices": {"dataset": "tquad"}, "dataset": {}}) == "tquad"  # of an earlier version
    assert get_own_set({}) is None
