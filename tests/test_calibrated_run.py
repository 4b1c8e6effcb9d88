"""A run with a test split: temperature and threshold are those of the validation split, judged on the test split."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from tiny_runs import run_here

from mlqa.inference import Predictor

pytestmark = pytest.mark.slow


def test_it_is_chosen_on_validation_and_measured_on_test(tmp_path: Path) -> None:
    result = run_here(tmp_path, "dataset.validation_share=0.3", "tracking=files", "calibration.risk=0.6")
    calibration = result["calibration"]
    assert (calibration["split"], calibration["reported_split"]) == ("validation", "test")
    assert calibration["is_same_split"] is False and "note" not in calibration
    lines = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text("utf-8").splitlines()]
    assert {line["split"] for line in lines} == {"validation", "test"}
    assert all(0 <= line["probability"] <= 1 for line in lines)
    test = [line for line in lines if line["split"] == "test"]
    assert calibration["questions"] == len(test) == 30
    assert calibration["confidence"] == pytest.approx(np.mean([line["probability"] for line in test]), abs=1e-5)
    assert calibration["correct"] == pytest.approx(np.mean([line["exact_match"] for line in test]))

    # The temperature, computed anew from what the model says to the validation questions.
    rows = [line for line in lines if line["split"] == "validation"]
    contexts = {row["context"]: row["context_text"] for row in rows if "context_text" in row}
    predictor = Predictor.from_run(tmp_path)
    found = predictor.predict_all([(row["question"], contexts[row["context"]]) for row in rows], top_k=20)
    assert [one.text for one in found] == [row["answer"] for row in rows]

    def measure_loss(temperature: float) -> float:
        loss = 0.0
        for row, one in zip(rows, found, strict=True):
            scores = np.array([each.score for each in one.answers]) / temperature
            p = float(np.exp(scores - scores.max())[0] / np.exp(scores - scores.max()).sum())
            loss -= math.log(p if row["exact_match"] else 1 - p)
        return loss

    best = minimize_scalar(measure_loss, bounds=(0.05, 50), method="bounded")
    assert measure_loss(calibration["temperature"]) == pytest.approx(best.fun, rel=1e-4)

    # The threshold: the most answers of the validation split whose mean F1 is 40 or more.
    ranked = sorted(zip([one.probability for one in found], [row["f1"] for row in rows], strict=True), reverse=True)
    means = np.cumsum([f1 for _, f1 in ranked]) / np.arange(1, len(ranked) + 1)
    enough = [number for number, mean in enumerate(means) if mean >= 0.4]
    if enough:
        assert calibration["threshold"] == predictor.threshold
        assert sum(p >= predictor.threshold for p, _ in ranked if predictor.threshold is not None) == max(enough) + 1
    else:
        assert calibration["threshold"] is None
    sure = [
        line["f1"] for line in test if predictor.threshold is not None and line["probability"] >= predictor.threshold
    ]
    assert calibration["coverage"] == pytest.approx(len(sure) / 30)
    assert calibration["score"] == (pytest.approx(100 * np.mean(sure)) if sure else None)
