"""Test the scores that depend on "no answer" against the numbers of the official SQuAD 2.0 script."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlqa.answers.decoding import Candidate
from mlqa.data.examples import Answer, Examples
from mlqa.errors import DataError
from mlqa.metrics.language_rules import get_language_rules
from mlqa.metrics.no_answer import (
    choose_answer,
    compute_null_odds,
    detect_squad_version,
    find_best_answer,
    find_best_thresholds,
)
from mlqa.metrics.scoring import score_predictions
from mlqa.metrics.squad import compute_squad_scores

CASES = json.loads((Path(__file__).parent / "golden" / "no_answer.json").read_text("utf-8"))["cases"]


def examples_of(golds: list[list[str]]) -> Examples:
    rows = len(golds)
    answers = [tuple(Answer(text, 0) for text in texts) for texts in golds]
    return Examples([str(row) for row in range(rows)], ["?"] * rows, ["x"], np.zeros(rows, dtype=np.int64), answers)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_equals_the_official_script(case: dict[str, Any]) -> None:
    rows = case["rows"]
    metrics = score_predictions(
        [row["prediction"] for row in rows],
        examples_of([row["golds"] for row in rows]),
        rules=get_language_rules("tr"),
        version="2.0",
        null_odds=[row["odds"] for row in rows],
        odds_order=case["order"],
        na_prob_thresh=case["threshold"],
    )
    official = {"exact": "exact_match"}
    assert {name: metrics[official.get(name, name)] for name in case["expected"]} == case["expected"]
    groups = {name for name in metrics if name.startswith(("HasAns", "NoAns", "best"))}
    assert groups == {name for name in case["expected"] if name.startswith(("HasAns", "NoAns", "best"))}


def test_the_golden_ties_depend_on_the_order() -> None:
    """Otherwise the test above would not notice an unstable sort."""
    (case,) = (case for case in CASES if case["name"] == "ties, odds in another order than the rows")
    rows = case["rows"]
    golds = [row["golds"] for row in rows]
    predictions = [row["prediction"] for row in rows]
    scores = compute_squad_scores(predictions, golds, "2.0")
    odds, has_answer = [row["odds"] for row in rows], [bool(texts) for texts in golds]
    in_order = find_best_thresholds(scores, predictions, has_answer, odds, case["order"])
    assert in_order["best_f1"] == case["expected"]["best_f1"]
    assert in_order["best_f1"] != find_best_thresholds(scores, predictions, has_answer, odds)["best_f1"]


def candidate(text: str, value: float) -> Candidate:
    return Candidate(text, 0, len(text), value, 0.5)


def test_null_odds_and_choice() -> None:
    """Compute by hand: 5.0 for no answer, 3.0 for the best real one."""
    candidates = [candidate("", 5.0), candidate("Ankara", 3.0), candidate("İzmir", 1.0)]
    assert compute_null_odds(candidates) == 2.0
    assert find_best_answer(candidates) == "Ankara"
    assert [choose_answer(candidates, threshold) for threshold in (1.9, 2.0, 2.1)] == ["", "Ankara", "Ankara"]
    assert compute_null_odds([*candidates[1:], candidate("", -1.0)]) == -4.0
    assert choose_answer([*candidates[1:], candidate("", -1.0)], -5.0) == ""


def test_where_there_is_nothing_to_say() -> None:
    only_null = [candidate("", 0.0)]
    assert (find_best_answer(only_null), choose_answer(only_null, 1e9)) == ("", "")
    assert compute_null_odds(only_null) == sys.float_info.max
    json.dumps(compute_null_odds(only_null), allow_nan=False)


def test_candidates_of_a_model_that_always_answers() -> None:
    candidates = [candidate("Ankara", 3.0)]
    assert choose_answer(candidates, -1e9) == "Ankara"
    with pytest.raises(DataError, match="with_null"):
        compute_null_odds(candidates)


def test_a_row_that_was_not_predicted_counts_as_wrong() -> None:
    """Half of the rows are right: an answer and a "no answer". Two are missing, and no threshold changes that."""
    metrics = score_predictions(
        ["Ankara", "", None, None],
        examples_of([["Ankara"], [], ["x"], []]),
        rules=get_language_rules("tr"),
        version="2.0",
        null_odds=[0.0, 1.0, 9.0, 9.0],
        na_prob_thresh=5.0,
    )
    assert (metrics["exact_match"], metrics["HasAns_exact"], metrics["NoAns_exact"]) == (50.0, 50.0, 50.0)
    assert (metrics["best_exact"], metrics["best_exact_thresh"]) == (50.0, 0.0)


def test_the_threshold_holds_for_the_language_aware_pair_too() -> None:
    examples = examples_of([["IŞIK"], []])
    common: dict[str, Any] = {"rules": get_language_rules("tr"), "version": "2.0", "null_odds": [0.0, 3.0]}
    assert score_predictions(["ışık", "x"], examples, **common)["exact_match_language"] == 50.0
    metrics = score_predictions(["ışık", "x"], examples, na_prob_thresh=1.0, **common)
    assert (metrics["exact_match"], metrics["exact_match_language"]) == (50.0, 100.0)


def test_odds_must_fit_the_rows() -> None:
    examples = examples_of([["a"], []])
    for odds, part in (([0.0], "1 null odds for 2 rows"), ([0.0, math.nan], "row 1 are NaN")):
        with pytest.raises(DataError, match=part):
            score_predictions(["a", ""], examples, rules=get_language_rules("tr"), version="2.0", null_odds=odds)


def test_the_version_of_a_data_set() -> None:
    answered, unanswered = examples_of([["a"]]), examples_of([["a"], []])
    assert detect_squad_version(answered, answered) == "1.1"
    assert detect_squad_version(unanswered, answered) == detect_squad_version(answered, unanswered) == "2.0"
