"""Intervals of scores, against scipy's bootstrap over contexts, and by how often they hold the truth."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from mlqa.metrics import bootstrap
from mlqa.metrics.bootstrap import estimate_intervals

GOLDEN = json.loads((Path(__file__).parent / "golden" / "bootstrap.json").read_text("utf-8"))


def test_equals_scipy_up_to_the_draw() -> None:
    names = list(GOLDEN["expected"])
    found = estimate_intervals({name: GOLDEN[name] for name in names}, np.array(GOLDEN["context_of"]))
    for name in names:
        # 2,000 replicates: the standard error of a bound is some 0.3 points here.
        assert found[name] == pytest.approx(GOLDEN["expected"][name], abs=1.0)
        low, high = GOLDEN["expected"][name]
        assert found[name][1] - found[name][0] == pytest.approx(high - low, rel=0.06)


def test_questions_of_a_context_are_drawn_together() -> None:
    """As independent rows the same scores look far surer than they are."""
    rows = {"exact_match": GOLDEN["exact_match"]}
    low, high = estimate_intervals(rows, np.array(GOLDEN["context_of"]))["exact_match"]
    surer_low, surer_high = estimate_intervals(rows, np.arange(len(rows["exact_match"])))["exact_match"]
    assert high - low > 1.2 * (surer_high - surer_low)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """400 data sets of 80 contexts whose mean is 50; 95 % of 400 +- 3 standard errors (1.1 points each)."""
    random = np.random.default_rng(4)
    held = 0
    for _ in range(400):
        context_of = np.repeat(np.arange(80), random.integers(1, 7, 80))
        right = random.random(len(context_of)) < random.beta(2, 2, 80)[context_of]
        low, high = estimate_intervals({"exact_match": right.astype(float).tolist()}, context_of)["exact_match"]
        held += low <= 50 <= high
    assert 0.917 <= held / 400 <= 0.983


def test_the_same_scores_have_the_same_interval() -> None:
    context_of = np.array(GOLDEN["context_of"])
    once = estimate_intervals({"f1": GOLDEN["f1"]}, context_of)
    assert once == estimate_intervals({"f1": GOLDEN["f1"]}, context_of * 7 + 3)
    both = estimate_intervals({"exact_match": GOLDEN["exact_match"], "f1": GOLDEN["f1"]}, context_of)
    assert both["f1"] == pytest.approx(once["f1"], rel=1e-12)


@pytest.mark.parametrize("rows", [1, 5])
def test_one_context_says_nothing_of_others(rows: int) -> None:
    assert estimate_intervals({"f1": [0.5] * rows}, np.zeros(rows, dtype=np.int64)) == {}


@pytest.mark.slow
def test_many_contexts_are_drawn_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of contexts give the same width, within its own error; a million rows take seconds."""
    random = np.random.default_rng(5)
    rows = {"f1": random.random(20_000).tolist()}
    alone = estimate_intervals(rows, np.arange(20_000))["f1"]
    monkeypatch.setattr(bootstrap, "MOST_CLUSTERS", 1000)
    grouped = estimate_intervals(rows, np.arange(20_000))["f1"]
    assert grouped[1] - grouped[0] == pytest.approx(alone[1] - alone[0], rel=0.15)
    monkeypatch.undo()
    began = time.monotonic()
    estimate_intervals({"f1": random.random(1_000_000).tolist()}, np.arange(1_000_000))
    assert time.monotonic() - began < 20
