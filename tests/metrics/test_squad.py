"""Test SQuAD scores against the numbers of the official scripts (golden/), to the last bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.errors import DataError
from mlqa.metrics.squad import (
    Version,
    compute_squad_scores,
    normalize_answer,
    score_against_golds,
)

GOLDEN = Path(__file__).parent / "golden"
VERSIONS: list[tuple[Version, str]] = [("1.1", "squad_v1.json"), ("2.0", "squad_v2.json")]

# Few letters, so that articles, punctuation and repeated tokens meet often.
texts = st.text(alphabet="aAnthe İıI’'.-_ \u00a0\u0307", max_size=12)
versions = st.sampled_from(["1.1", "2.0"])


def golden(name: str, part: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))[part]
    return loaded


@pytest.mark.parametrize("part", ["cases", "set"])
@pytest.mark.parametrize(("version", "name"), VERSIONS)
def test_equals_the_official_script(version: Version, name: str, part: str) -> None:
    expected = golden(name, part)
    rows = expected["rows"]
    scores = compute_squad_scores([row["prediction"] for row in rows], [row["golds"] for row in rows], version)
    assert scores.exact_match == expected["exact_match"]
    assert scores.f1 == expected["f1"]
    assert scores.total == len(rows)
    assert scores.exact_rows == [row["exact_match"] for row in rows]
    assert scores.f1_rows == [row["f1"] for row in rows]


@pytest.mark.parametrize(("version", "name"), VERSIONS)
def test_each_row_alone_equals_the_official_script(version: Version, name: str) -> None:
    for row in golden(name, "cases")["rows"]:
        expected = (row["exact_match"], row["f1"])
        assert score_against_golds(row["prediction"], row["golds"], version) == expected, row


def test_the_golden_sums_depend_on_the_order_of_addition() -> None:
    """Otherwise the test above would not notice a compensated sum."""
    import math

    expected = golden("squad_v1.json", "set")
    assert 100.0 * math.fsum(row["f1"] for row in expected["rows"]) / len(expected["rows"]) != expected["f1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Times, a paper.", "times paper"),
        ("T.C. Ankara'nın", "tc ankaranın"),
        ("Grenoble’a", "grenoble’"),
        ("İstanbul", "i\u0307stanbul"),
        ("10\u00a0000\r\nkm", "10 000 km"),
        ("a_an", "aan"),
        ("...", ""),
    ],
)
def test_normalize_answer(text: str, expected: str) -> None:
    assert normalize_answer(text) == expected


def test_unanswerable_rows_count_the_same_under_both_versions() -> None:
    for version, _ in VERSIONS:
        scores = compute_squad_scores(["", "the", "Ankara"], [[], [], []], version)
        assert scores.exact_rows == scores.f1_rows == [1.0, 1.0, 0.0]


def test_versions_part_where_nothing_is_left_of_a_text() -> None:
    assert score_against_golds("A", ["A"], "1.1") == (1.0, 0.0)
    assert score_against_golds("A", ["A"], "2.0") == (1.0, 1.0)
    assert score_against_golds("", ["the", "Ankara"], "1.1") == (1.0, 0.0)
    assert score_against_golds("", ["the", "Ankara"], "2.0") == (0.0, 0.0)


def test_another_normalization_replaces_the_official_one() -> None:
    def turkish(text: str) -> str:
        return " ".join(text.replace("İ", "i").replace("I", "ı").lower().split())

    assert compute_squad_scores(["IĞDIR"], [["Iğdır"]]).exact_match == 0.0
    assert compute_squad_scores(["IĞDIR"], [["Iğdır"]], normalize=turkish).exact_match == 100.0


def test_refuses_what_it_cannot_score() -> None:
    with pytest.raises(DataError, match="no rows"):
        compute_squad_scores([], [])
    with pytest.raises(DataError, match="2 predictions for 1 rows"):
        compute_squad_scores(["a", "b"], [["a"]])
    with pytest.raises(DataError, match=r"choose 1\.1 or 2\.0"):
        compute_squad_scores(["a"], [["a"]], "3.0")  # type: ignore[arg-type]


@given(st.text())
def test_normalization_leaves_folded_text(text: str) -> None:
    normal = normalize_answer(text)
    assert normal == " ".join(normal.split())
    assert not set(normal.split()) & {"a", "an", "the"}


@given(texts, texts, versions)
def test_scores_are_symmetric_and_bounded(prediction: str, gold: str, version: Version) -> None:
    exact, f1 = score_against_golds(prediction, [gold], version)
    assert 0.0 <= f1 <= 1.0
    assert score_against_golds(gold, [prediction], version) == (exact, f1)
    assert exact == float(normalize_answer(prediction) == normalize_answer(gold))
    if normalize_answer(prediction):
        assert f1 >= exact


@given(texts, st.lists(texts, min_size=1, max_size=4), versions)
def test_the_best_gold_counts_whatever_the_order(prediction: str, golds: list[str], version: Version) -> None:
    used = [gold for gold in golds if normalize_answer(gold)] or [""] if version == "2.0" else golds
    alone = [score_against_golds(prediction, [gold], version) for gold in used]
    expected = max(exact for exact, _ in alone), max(f1 for _, f1 in alone)
    assert score_against_golds(prediction, golds, version) == expected
    assert score_against_golds(prediction, golds[::-1] * 2, version) == expected


@given(st.lists(st.tuples(texts, st.lists(texts, max_size=3)), min_size=1, max_size=8), versions)
def test_a_set_is_its_rows(rows: list[tuple[str, list[str]]], version: Version) -> None:
    scores = compute_squad_scores([prediction for prediction, _ in rows], [golds for _, golds in rows], version)
    alone = [score_against_golds(prediction, golds, version) for prediction, golds in rows]
    assert list(zip(scores.exact_rows, scores.f1_rows, strict=True)) == alone
    assert scores.exact_match == 100.0 * sum(exact for exact, _ in alone) / len(rows)
    assert scores.f1 == pytest.approx(100.0 * sum(f1 for _, f1 in alone) / len(rows), rel=1e-12)
