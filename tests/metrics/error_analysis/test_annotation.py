"""Answers go to annotators and come back: what a spreadsheet does to the file must not change a score."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlqa.data.examples import Answer, Examples
from mlqa.errors import DataError, RunError
from mlqa.metrics.error_analysis.annotation import (
    Judgement,
    apply_judgements,
    count_verdicts,
    read_annotation_file,
    write_annotation_file,
)
from mlqa.metrics.language_rules import get_language_rules
from mlqa.metrics.scoring import score_predictions

CONTEXT = "Ali, Veli ve Ayşe geldi."
ANSWERS = ["Veli", "Veli", "=Ali", "", "Ali"]


def write(path: Path) -> Path:
    rows = [
        {"id": str(number), "question": "Kim?", "answer": answer, "golds": ["Ali"], "f1": 0.0, "probability": 0.5}
        for number, answer in enumerate(ANSWERS)
    ]
    assert write_annotation_file(path, [(row, "place", CONTEXT) for row in rows]) == len(rows)
    return path


def fill_in(path: Path, changes: dict[str, dict[str, str]], delimiter: str = ",", encoding: str = "utf-8-sig") -> None:
    """Write the file anew as a spreadsheet does."""
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows({**row, **changes.get(row["id"], {})} for row in rows)
    path.write_text(text.getvalue(), encoding, newline="")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_verdicts_are_read_back(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = write(tmp_path / "e.csv")
    changes = {
        "0": {"verdict": "Right "},
        "1": {"new_gold": "Ayşe | Ali, Ayşe"},
        "2": {"verdict": "right"},
        "3": {"verdict": "unanswerable"},
        "4": {"verdict": "wrong"},
    }
    fill_in(path, changes, delimiter, encoding)
    found = read_annotation_file(path)
    assert found == {
        "0": Judgement("right", ("Veli",)),
        "1": Judgement("gold", ("Ayşe", "Ali, Ayşe")),
        "2": Judgement("right", ("=Ali",)),
        "3": Judgement("unanswerable"),
        "4": Judgement("wrong"),
    }
    assert count_verdicts(found) == {"right": 2, "gold": 1, "unanswerable": 1, "wrong": 1}


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    rows: list[Any] = list(csv.reader(io.StringIO(write(tmp_path / "e.csv").read_text("utf-8-sig"))))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert rows[3][3] == "'=Ali"


def test_scores_by_the_new_golds() -> None:
    examples = Examples(
        [str(number) for number in range(5)],
        ["Kim?"] * 5,
        [CONTEXT],
        np.zeros(5, np.int64),
        [(Answer("Ali", 0),)] * 4 + [(Answer("Ali", 0), Answer("Veli", 5))],
    )
    judgements = {
        "0": Judgement("right", ("Veli",)),
        "1": Judgement("gold", ("Ayşe",)),
        "3": Judgement("unanswerable"),
        "4": Judgement("wrong"),
    }
    changed = apply_judgements(examples, examples.ids, judgements, "e.csv")
    assert [changed.get_gold_texts(row) for row in range(5)] == [
        ["Ali", "Veli"], ["Ayşe"], ["Ali"], [], ["Ali", "Veli"],
    ]  # fmt: skip
    assert [examples.get_gold_texts(row) for row in range(5)] == [["Ali"]] * 4 + [["Ali", "Veli"]]
    options: dict[str, Any] = {"rules": get_language_rules("tr"), "intervals": False}
    predictions = ["Veli", "Veli", "Ali", "", "Ali"]
    assert score_predictions(predictions, examples, **options)["exact_match"] == 40
    assert score_predictions(predictions, changed, **options)["exact_match"] == 80


def test_an_unknown_id_is_refused() -> None:
    examples = Examples(["0"], ["?"], [CONTEXT], np.zeros(1, np.int64), [()])
    with pytest.raises(DataError, match="1 of 1 judged ids are not in the data set; first: 'x'"):
        apply_judgements(examples, ["0"], {"x": Judgement("wrong")}, "e.csv")


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({}, "has no verdict; fill in"),
        ({"0": {"verdict": "yes"}}, r"entry 1 \(id 0\): the verdict 'yes' is unknown; choose right, gold"),
        ({"1": {"verdict": "gold"}}, "new_gold is empty"),
        ({"1": {"verdict": "wrong", "new_gold": "x"}}, "new_gold has a text"),
        ({"1": {"id": "0", "verdict": "right"}, "0": {"verdict": "wrong"}}, "was judged before"),
        ({str(n): {"verdict": "?"} for n in range(5)} | {"0": {"verdict": "!"}}, "entry 5"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, dict[str, str]], part: str) -> None:
    path = write(tmp_path / "e.csv")
    fill_in(path, changes)
    with pytest.raises(DataError, match=part) as caught:
        read_annotation_file(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "id,answer\n"])
def test_another_csv_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "e.csv").write_text(text, "utf-8")
    with pytest.raises(DataError, match="has no column"):
        read_annotation_file(tmp_path / "e.csv")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        write_annotation_file(tmp_path / "none" / "e.csv", [])
