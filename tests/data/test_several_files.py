"""Several files are read as one: rows in order, contexts once, ids as they are, and errors that name the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlqa.data.readers import read_file, read_files
from mlqa.errors import DataError

CONTEXT, OTHER = "Ankara 1923'te başkent oldu.", "İzmir bir liman kentidir."


def make_row(context: str, text: str, start: int, **more: Any) -> dict[str, Any]:
    return {"question": f"{text}?", "context": context, "answers": {"text": [text], "answer_start": [start]}, **more}


def write(path: Path, *rows: dict[str, Any]) -> str:
    lines = "\n".join(json.dumps(row) for row in rows)
    path.write_text(lines if path.suffix == ".jsonl" else json.dumps(rows), "utf-8")
    return str(path)


def test_rows_of_several_files_are_those_of_one(tmp_path: Path) -> None:
    rows = [make_row(CONTEXT, "1923", 7, id="a"), make_row(OTHER, "İzmir", 0, id="b")]
    rows.append(make_row(CONTEXT, "Ankara", 0, id="a"))
    files = [write(tmp_path / "one.json", *rows[:2]), write(tmp_path / "two.jsonl", rows[2])]
    several, one = read_files(files), read_file(write(tmp_path / "all.json", *rows))
    assert several.ids == ["a", "b", "a"] and several.contexts == [CONTEXT, OTHER]
    assert several.context_of.tolist() == [0, 1, 0]
    assert several.compute_fingerprint() == one.compute_fingerprint()
    assert several.counts == one.counts and several.counts["duplicate_ids"] == 1


def test_rows_without_an_id_are_numbered_through(tmp_path: Path) -> None:
    """Position 1 is dropped, because its answer is nowhere: it counts, as in a single file."""
    rows = [make_row(CONTEXT, "1923", 7), make_row(CONTEXT, "Paris", 0), make_row(OTHER, "İzmir", 0)]
    files = [write(tmp_path / "one.json", *rows[:2]), write(tmp_path / "two.json", *rows[1:])]
    several, one = read_files(files), read_file(write(tmp_path / "all.json", *rows[:2], *rows[1:]))
    assert several.ids == one.ids == ["0", "3"]
    assert several.dropped_ids == one.dropped_ids == {"1", "2"}
    assert [note.place for note in several.notes["dropped"]] == ["one.json, entry 1", "two.json, entry 0"]


def test_each_file_has_its_own_rule_of_counting(tmp_path: Path) -> None:
    """The second file counts from 1. "li" occurs twice in its context, so only the rule tells the place."""
    text = "li liman li kenti li köyü"
    first = [make_row(f"{number} Ankara", "Ankara", len(str(number)) + 1) for number in range(20)]
    second = [make_row(text, word, text.index(word) + 1) for word in ("liman", "kenti", "köyü")]
    second.append(make_row(text, "li", 9 + 1))
    several = read_files([write(tmp_path / "zero.json", *first), write(tmp_path / "one.json", *second)])
    assert several.answers[-1][0].start == 9
    assert several.counts["offsets_by_rule"] == 4


def test_golds_without_a_place_stay_with_their_rows(tmp_path: Path) -> None:
    row = make_row(OTHER, "İzmir", 0)
    row["answers"] = {"text": ["İzmir", "Smyrna"], "answer_start": [0, 3]}
    several = read_files([write(tmp_path / "a.json", make_row(CONTEXT, "1923", 7)), write(tmp_path / "b.json", row)])
    assert several.unplaced == {1: ("Smyrna",)}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"question": "x"}], r"two\.json, entry 0: no column context, answers"),
        ([make_row(CONTEXT, "Paris", 3)], r"two\.json: no question \(of 1\) has an answer in its context"),
    ],
)
def test_an_error_names_the_file(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    files = [write(tmp_path / "one.json", make_row(CONTEXT, "1923", 7)), write(tmp_path / "two.json", *rows)]
    with pytest.raises(DataError, match=said):
        read_files(files)
    with pytest.raises(DataError, match=r"none\.json: there is no such file"):
        read_files([files[0], str(tmp_path / "none.json")])
