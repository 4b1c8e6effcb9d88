"""Language-aware scoring: what SQuAD's normalisation gets wrong outside English, by the rules of each language."""

from __future__ import annotations

import unicodedata
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.qa.language import normalize_answer
from mlqa.qa.squad import squad_scores

TURKISH_UPPER = str.maketrans({"i": "İ", "ı": "I"})


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("tr", "ISPARTA", "ısparta"),
        ("tr", "İzmir", "izmir"),
        ("az", "BAKI", "bakı"),
        ("tr", "Ankara’da", "Ankara'da"),
        ("tr", "«Kedi»", "kedi"),
        ("tr", unicodedata.normalize("NFD", "çöğüş"), "çöğüş"),
        ("fi", "Jyväskylä.", "jyväskylä"),
        ("hu", "az Eiffel-torony", "Eiffel-torony"),
        ("en", "The Beatles", "beatles"),
        ("de", "STRASSE", "straße"),
        ("en", "ISTANBUL", "istanbul"),
    ],
)
def test_the_same_answer(language: str, one: str, other: str) -> None:
    assert normalize_answer(one, language) == normalize_answer(other, language)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("tr", "ışık", "işik"),
        ("en", "Isparta", "ısparta"),
        ("tr", "Grenoble’a", "Grenoble"),
        ("tr", "a", ""),
        ("fi", "a", ""),
    ],
)
def test_another_answer(language: str, one: str, other: str) -> None:
    assert normalize_answer(one, language) != normalize_answer(other, language)


def test_upper_case_no_longer_costs_points() -> None:
    """SQuAD's own metric gives Turkish answers in capitals a fraction of their score."""
    golds = [["Isparta'nın kırmızı ışığı"], ["İznik"], ["1934"]]
    shouted = [answers[0].translate(TURKISH_UPPER).upper() for answers in golds]
    aware = squad_scores(shouted, golds, normalize=partial(normalize_answer, language="tr"))
    assert (aware.exact_match, aware.f1) == (100.0, 100.0)
    assert squad_scores(shouted, golds).exact_match < 50


@given(text=st.text(), language=st.sampled_from(["tr", "az", "fi", "hu", "en", "ja"]))
def test_normalising_twice_changes_nothing_more(text: str, language: str) -> None:
    once = normalize_answer(text, language)
    assert normalize_answer(once, language) == once
    assert once == " ".join(once.split())
