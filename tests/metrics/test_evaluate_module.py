"""Test the local `evaluate` module: it loads without a network, equals the official script, and keeps rows apart."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

import mlqa.metrics
from mlqa.errors import DataError

evaluate = pytest.importorskip("evaluate")

GOLDEN = Path(__file__).parent / "golden"
SCRIPT = Path(mlqa.metrics.__file__).parent / "evaluate_modules" / "squad" / "squad.py"


@pytest.fixture
def squad(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load the metric. Any connection or name look-up fails the test."""

    def refuse(*arguments: object, **_: object) -> None:
        pytest.fail(f"loading the metric went to the network: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return evaluate.load(str(SCRIPT), keep_in_memory=True)


def rows_of(part: dict[str, Any], ids: list[str] | None = None) -> dict[str, list[dict[str, Any]]]:
    ids = ids or [str(number) for number in range(len(part["rows"]))]
    predictions, references = [], []
    for key, row in zip(ids, part["rows"], strict=True):
        predictions.append({"id": key, "prediction_text": row["prediction"]})
        starts = [0] * len(row["golds"])
        references.append({"id": key, "answers": {"text": row["golds"], "answer_start": starts}})
    return {"predictions": predictions, "references": references}


@pytest.mark.parametrize(("version", "name"), [("1.1", "squad_v1.json"), ("2.0", "squad_v2.json")])
@pytest.mark.parametrize("part", ["cases", "set"])
def test_equals_the_official_script(squad: Any, version: str, name: str, part: str) -> None:
    expected = json.loads((GOLDEN / name).read_text(encoding="utf-8"))[part]
    result = squad.compute(**rows_of(expected), version=version)
    assert result == {"exact_match": expected["exact_match"], "f1": expected["f1"]}


def test_rows_that_share_an_id_stay_apart(squad: Any) -> None:
    part = {
        "rows": [
            {"prediction": "Ankara", "golds": ["Ankara"]},
            {"prediction": "Bursa", "golds": ["İzmir"]},
        ]
    }
    assert squad.compute(**rows_of(part, ["7", "7"])) == {"exact_match": 50.0, "f1": 50.0}


def test_batches_add_up(squad: Any) -> None:
    part = {"rows": [{"prediction": "Ankara", "golds": ["Ankara"]}, {"prediction": "", "golds": []}]}
    rows = rows_of(part)
    for row in range(2):
        squad.add(prediction=rows["predictions"][row], reference=rows["references"][row])
    assert squad.compute() == {"exact_match": 100.0, "f1": 100.0}


def test_another_order_is_refused(squad: Any) -> None:
    rows = rows_of({"rows": [{"prediction": "x", "golds": ["x"]}, {"prediction": "y", "golds": ["y"]}]})
    rows["predictions"].reverse()
    with pytest.raises(DataError, match="row 0: the prediction has id '1', the reference '0'"):
        squad.compute(**rows)


def test_loads_by_folder_too() -> None:
    assert evaluate.load(str(SCRIPT.parent)).name == "squad"
