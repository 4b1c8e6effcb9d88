"""What is chosen on one split and measured on another, and what the model's folder keeps of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlqa.errors import RunError
from mlqa.metrics.calibration.calibrate import Outcomes, calibrate, crossfit
from mlqa.metrics.calibration.stored import Calibration, read_calibration
from mlqa.metrics.calibration.temperature import compute_confidence

TRUTH = 2.0


def draw(split: str, seed: int, rows: int = 3000) -> Outcomes:
    """Answers that are right with the probability at the temperature TRUTH. A wrong one scores a third."""
    random = np.random.default_rng(seed)
    candidates = -np.sort(-random.normal(0, 6, (rows, 5)), axis=1)
    correct = random.random(rows) < compute_confidence(candidates, TRUTH)
    return Outcomes(split, candidates, correct, np.where(correct, 1.0, 1 / 3), np.arange(rows) // 3)


def test_chosen_on_validation_and_measured_on_test() -> None:
    validation, test = draw("validation", 1), draw("test", 2)
    stored, report = calibrate(validation, test, "f1", 0.1)
    assert stored.temperature == pytest.approx(TRUTH, rel=0.1)
    assert (report["split"], report["reported_split"], report["is_same_split"]) == ("validation", "test", False)
    assert report["crossfitted"] is None and "note" not in report
    assert report["ece"] < 0.03 < report["ece_uncalibrated"]
    assert report["log_loss"] < report["log_loss_uncalibrated"]
    assert report["score"] == pytest.approx(90, abs=1.5), "a risk of 0.1 holds on new questions up to chance"
    again, _ = calibrate(validation, draw("test", 3), "f1", 0.1)
    assert again == stored, "the test split decides nothing"


def test_the_same_split_is_said_and_crossfitted() -> None:
    outcomes = draw("validation", 1)
    stored, report = calibrate(outcomes, outcomes, "f1", 0.1)
    assert report["is_same_split"] is True
    assert report["note"].startswith("the reported split is the same (validation)")
    assert report["crossfitted"]["coverage"] == pytest.approx(report["coverage"], abs=0.03)
    assert report["score"] >= 90 - 1e-9, "chosen on these very questions"
    assert stored.threshold == report["threshold"]
    json.dumps(report, allow_nan=False)


def test_folds_need_contexts() -> None:
    outcomes = draw("validation", 1, rows=12)
    assert crossfit(outcomes, 0.1) is None
    _, report = calibrate(outcomes, outcomes, "f1", 0.1)
    assert report["crossfitted"] is None


def test_a_model_without_any_sure_answer() -> None:
    outcomes = draw("validation", 1, rows=90)
    wrong = Outcomes("validation", outcomes.candidates, np.zeros(90, bool), np.zeros(90), outcomes.context_of)
    stored, report = calibrate(wrong, wrong, "f1", 0.1)
    assert (stored.threshold, report["coverage"], report["score"]) == (None, 0.0, None)
    json.dumps(report, allow_nan=False)


def test_lines_of_scores_become_outcomes() -> None:
    rows = [
        {"exact_match": 1, "exact_match_language": 0, "f1": 1.0, "f1_language": 0.5, "context": 4},
        {"exact_match": 0, "exact_match_language": 1, "f1": 0.25, "f1_language": 1.0, "context": 4},
    ]
    official = Outcomes.collect("validation", rows, [[2.0, 1.0], [3.0]], "f1")
    assert official.correct.tolist() == [True, False] and official.scores.tolist() == [1.0, 0.25]
    assert Outcomes.collect("v", rows, [[1.0], [1.0]], "f1_language").correct.tolist() == [False, True]


STORED = Calibration(
    "validation",
    1.5,
    "f1",
    0.1,
    0.7,
    [
        {"threshold": 0.9, "coverage": 0.2, "score": 97.0},
        {"threshold": 0.7, "coverage": 0.5, "score": 90.0},
        {"threshold": 0.0, "coverage": 1.0, "score": 60.0},
    ],
)


def test_the_file_is_read_back(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None
    STORED.write(tmp_path)
    assert read_calibration(tmp_path) == STORED


def test_the_metric_has_a_name() -> None:
    assert STORED.metric_label == "F1"
    assert replace(STORED, metric="exact_match_language").metric_label == "exact match by the language's rules"


@pytest.mark.parametrize(("risk", "threshold"), [(None, 0.7), (0.1, 0.7), (0.05, 0.9), (0.4, 0.0), (0.01, None)])
def test_another_risk_is_looked_up(risk: float | None, threshold: float | None) -> None:
    assert STORED.find_threshold(risk) == threshold


@pytest.mark.parametrize("text", ["", "[]", "{", '{"temperature": 1}', "null"])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "calibration.json").write_text(text, "utf-8")
    with pytest.raises(RunError, match="is damaged"):
        read_calibration(tmp_path)


@pytest.mark.parametrize(
    "change", [{"temperature": 0}, {"temperature": "1"}, {"curve": [1]}, {"threshold": "x"}, {"metric": "x"}]
)
def test_a_wrong_value_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    STORED.write(tmp_path)
    content = json.loads((tmp_path / "calibration.json").read_text("utf-8"))
    (tmp_path / "calibration.json").write_text(json.dumps({**content, **change}), "utf-8")
    with pytest.raises(RunError, match="is damaged"):
        read_calibration(tmp_path)
