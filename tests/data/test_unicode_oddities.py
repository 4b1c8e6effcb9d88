"""Counts by code point on made-up texts; categories by the Unicode standard."""

from __future__ import annotations

import sys

import pytest

from mlqa.data import unicode_oddities
from mlqa.data.unicode_oddities import Oddities, classify_character, escape_oddities, name_character


def test_what_is_printed_of_a_text() -> None:
    shown = escape_oddities("a\x1b[31m\u202eb\u2028c\n\td\ud83d ’ş")
    assert shown == "a<U+001B>[31m<U+202E>b<U+2028>c<U+000A><U+0009>d<U+D83D> ’ş"


def place(number: int) -> str:
    return f"text {number}"


@pytest.mark.parametrize(
    ("character", "kind", "name"),
    [
        ("\u200e", "invisible", "U+200E LEFT-TO-RIGHT MARK"),
        ("\ufeff", "invisible", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u00ad", "invisible", "U+00AD SOFT HYPHEN"),
        ("\U000e0041", "invisible", "U+E0041 TAG LATIN CAPITAL LETTER A"),
        ("\u00a0", "space", "U+00A0 NO-BREAK SPACE"),
        ("\u2028", "space", "U+2028 LINE SEPARATOR"),
        ("\x07", "control", "U+0007"),
        ("\x85", "control", "U+0085"),
        ("\r", "line_break", "U+000D CARRIAGE RETURN"),
        ("\n", "line_break", "U+000A LINE FEED"),
        ("\ufffd", "replacement", "U+FFFD REPLACEMENT CHARACTER"),
        (" ", None, "U+0020 SPACE"),
        ("\t", None, "U+0009"),
        ("ş", None, "U+015F LATIN SMALL LETTER S WITH CEDILLA"),
        ("\u0301", None, "U+0301 COMBINING ACUTE ACCENT"),
    ],
)
def test_kinds_and_names(character: str, kind: str | None, name: str) -> None:
    assert (classify_character(character), name_character(character)) == (kind, name)


def test_every_odd_character_of_unicode_is_looked_for() -> None:
    odd = unicode_oddities._compile_odd_pattern()
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        assert (odd.search(character) is not None) == (classify_character(character) is not None)


def test_counts_and_places() -> None:
    oddities = Oddities()
    assert oddities.scan_texts(["ab\u200ecd\u200e", "x\r\ny\u00a0z", "s\u0327ey ve ağac\u0327"], place) == 1
    assert oddities.scan_texts(["\u200e"], lambda number: "question") == 0
    assert oddities.count_by_kind() == {
        "invisible": {"U+200E LEFT-TO-RIGHT MARK": 3},
        "space": {"U+00A0 NO-BREAK SPACE": 1},
        "control": {},
        "line_break": {"U+000D CARRIAGE RETURN": 1, "U+000A LINE FEED": 1},
        "replacement": {},
    }
    assert oddities.examples["\u200e"] == [
        ("text 0, character 2", "ab<U+200E>cd<U+200E>"),
        ("text 0, character 5", "ab<U+200E>cd<U+200E>"),
        ("question, character 0", "<U+200E>"),
    ]
    assert oddities.not_nfc == [("text 2, character 0", "s<U+0327>ey ve ağac<U+0327>")]


def test_a_text_that_nfc_shortens_at_its_end() -> None:
    oddities = Oddities()
    assert oddities.scan_texts(["kedi a\u0306", "\u212b"], place) == 2  # U+212B ANGSTROM SIGN is another letter in NFC
    assert [found for found, _ in oddities.not_nfc] == ["text 0, character 5", "text 1, character 0"]


def test_only_five_examples_of_a_character() -> None:
    oddities = Oddities()
    oddities.scan_texts(["\u00ad" * 9], place)
    assert len(oddities.examples["\u00ad"]) == 5
    assert oddities.characters["\u00ad"] == 9


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("Ankara'da, İzmir’de ve 1923'te", {"'": 2, "’": 1}),
        ("'Kedi' dedi; ’kedi’ dedi.", {}),
        ("fac\u0327'in", {"'": 1}),  # after a combining mark
        ("5'6", {"'": 1}),
        ("a' b", {}),
        ("x_'y", {"'": 1}),
    ],
)
def test_apostrophes_are_those_between_letters(text: str, counted: dict[str, int]) -> None:
    oddities = Oddities()
    oddities.scan_texts([text], place)
    assert oddities.apostrophes == counted
