"""What becomes of predictions on the way to result.json."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlqa.data.examples import Answer, Examples, find_unseen_rows
from mlqa.errors import DataError
from mlqa.metrics.breakdown import break_down_scores, classify_questions
from mlqa.metrics.language_rules import get_language_rules
from mlqa.metrics.scoring import score_predictions, score_questions, shuffle_questions

TURKISH_UPPER = str.maketrans({"i": "İ", "ı": "I"})


def examples_of(context_of: list[int]) -> Examples:
    rows = len(context_of)
    contexts = [f"Ali {number}" for number in range(max(context_of) + 1)]
    return Examples(
        [str(row) for row in range(rows)], [f"q{row}" for row in range(rows)], contexts, np.array(context_of),
        [(Answer("Ali", 0),)] * rows,
    )  # fmt: skip


def test_questions_are_swapped_inside_their_context_and_none_stays() -> None:
    examples = examples_of([0, 1, 0, 2, 0, 3, 1])
    swapped = shuffle_questions(examples)
    assert sorted(swapped) == sorted(examples.questions)
    assert all(new != old for new, old in zip(swapped, examples.questions, strict=True))
    for rows in ([0, 2, 4], [1, 6], [3, 5]):  # the contexts 2 and 3 have one question each: they swap theirs
        assert {swapped[row] for row in rows} == {examples.questions[row] for row in rows}
    assert swapped == shuffle_questions(examples)


def test_scores_of_all_and_of_unseen_rows() -> None:
    """By hand: rows 0 and 3 right; rows 2 and 3 unseen; ALI is alı in Turkish."""
    examples = examples_of([0, 1, 2, 3])
    predictions = ["Ali", "x", "x", "ALI"]
    unseen = np.array([False, False, True, True])
    english = score_predictions(predictions, examples, rules=get_language_rules("en"), unseen=unseen, intervals=False)
    assert english == {
        "exact_match": 50, "f1": 50, "exact_match_language": 50, "f1_language": 50,
        "exact_match_unseen": 50, "f1_unseen": 50, "exact_match_language_unseen": 50, "f1_language_unseen": 50,
        "total": 4, "total_unseen": 2,
    }  # fmt: skip
    turkish = score_predictions(predictions, examples, rules=get_language_rules("tr"), unseen=unseen, intervals=False)
    assert (turkish["exact_match"], turkish["exact_match_language"]) == (50, 25)
    assert (turkish["exact_match_unseen"], turkish["exact_match_language_unseen"]) == (50, 0)


def test_unseen_scores_are_absent_where_no_row_is_unseen_or_none_can_be_known() -> None:
    examples = examples_of([0, 1])
    none = score_predictions(["Ali", "x"], examples, rules=get_language_rules("tr"), unseen=np.zeros(2, dtype=bool))
    assert none["total_unseen"] == 0
    assert not [name for name in none if "unseen" in name and name != "total_unseen"]
    unknown = score_predictions(["Ali", "x"], examples, rules=get_language_rules("tr"))
    assert not [name for name in unknown if "unseen" in name]
    with pytest.raises(DataError, match="unseen has 3 entries for 2 rows"):
        score_predictions(["Ali", "x"], examples, rules=get_language_rules("tr"), unseen=np.zeros(3, dtype=bool))


def test_intervals_hold_their_scores_and_are_absent_for_one_context() -> None:
    examples = examples_of([0, 0, 1, 1, 2, 2, 3])
    unseen = np.array([False, False, False, False, False, False, True])
    metrics = score_predictions(
        ["Ali", "x", "x", "Ali", "Ali", "x", "x"], examples, rules=get_language_rules("tr"), unseen=unseen
    )
    for name in ("exact_match", "f1", "exact_match_language", "f1_language"):
        assert metrics[f"{name}_ci_low"] <= metrics[name] <= metrics[f"{name}_ci_high"]
    assert "f1_unseen" in metrics
    assert not [name for name in metrics if "unseen_ci" in name], "one unseen context: nothing to draw from"


def test_answers_without_gold_count_by_version() -> None:
    examples = examples_of([0, 1])
    examples.answers[1] = ()
    metrics = score_predictions(["Ali", ""], examples, rules=get_language_rules("tr"), version="2.0", intervals=False)
    assert (metrics["exact_match"], metrics["HasAns_total"], metrics["NoAns_total"]) == (100, 1, 1)
    assert "best_f1" not in metrics


def test_golds_without_a_place_count_as_in_the_script() -> None:
    """By hand: the second gold of row 1 stands nowhere in its context; the official script would not know."""
    examples = replace(examples_of([0, 1, 1]), unplaced={1: ("Veli Bey",)})
    rules = get_language_rules("tr")
    metrics = score_predictions(["Ali", "Veli Bey", "Veli Bey"], examples, rules=rules, intervals=False)
    assert metrics["exact_match"] == metrics["f1_language"] == pytest.approx(200 / 3)
    scores = score_questions(["Ali", "Veli", "Ali"], examples, rules=rules).official
    groups = break_down_scores(scores, classify_questions(examples, rules), rules)
    assert groups["answer_length"]["1"]["f1"] == pytest.approx(100 * (1 + 2 / 3 + 1) / 3)
    assert examples.select([1]).get_gold_texts(0) == ["Ali", "Veli Bey"]
    assert examples.select([2, 1]).get_gold_texts(0) == ["Ali"]
    assert examples.compute_fingerprint() != examples_of([0, 1, 1]).compute_fingerprint()


def test_real_best_answers_are_what_the_best_threshold_is_sought_for() -> None:
    """By hand: the run said nothing twice; answering where the odds are below 0.5 would be right on both rows."""
    examples = examples_of([0, 1])
    examples.answers[1] = ()
    metrics = score_predictions(
        ["", ""],
        examples,
        rules=get_language_rules("tr"),
        version="2.0",
        null_odds=[0.5, 2.0],
        best_answers=["Ali", "x"],
    )
    assert (metrics["exact_match"], metrics["best_exact"], metrics["best_exact_thresh"]) == (50, 100, 0.5)


@pytest.mark.slow
def test_tquad_in_capitals(assets: Path) -> None:
    """Gold answers, and gold answers in Turkish capitals: nothing is lost by the language's rules."""
    from mlqa.data.readers import read_file

    dev, train = (read_file(assets / "data" / "tquad" / f"{split}-v0.1.json") for split in ("dev", "train"))
    golds = [answers[0].text for answers in dev.answers]
    unseen, rules = find_unseen_rows(dev, train), get_language_rules("tr")
    perfect = score_predictions(golds, dev, rules=rules, unseen=unseen)
    assert {value for name, value in perfect.items() if not name.startswith("total")} == {100.0}
    began = time.monotonic()
    shouted = score_predictions(
        [gold.translate(TURKISH_UPPER).upper() for gold in golds], dev, rules=rules, unseen=unseen
    )
    assert time.monotonic() - began < 2
    assert 30 <= shouted["exact_match"] <= 36
    assert 54 <= shouted["f1"] <= 59
    assert (shouted["exact_match_language"], shouted["f1_language"]) == (100.0, 100.0)
    scores = score_questions(golds, dev, rules=rules).official
    groups = break_down_scores(scores, classify_questions(dev, rules), rules)
    assert {sum(group["total"] for group in grouping.values()) for grouping in groups.values()} == {892}
