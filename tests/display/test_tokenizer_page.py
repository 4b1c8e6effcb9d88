"""Test how the words of a tokenizer are shown: on its page, and in the cells of its tables."""

from __future__ import annotations

from mlqa.display.tokenizer_labels import WORDS, build_word_cells
from mlqa.display.tokenizer_page import render_tokenizer_page

KEDILERI = {
    "word": "Kedileri", "tokens": ["Kedi", "##leri"], "input_ids": [21611, 2065], "pieces": ["Kedi", "leri"],
    "morphemes": [{"surface": "Kedi", "gloss": "cat"}, {"surface": "ler", "gloss": "plural"},
                  {"surface": "i", "gloss": "its"}],
    "met": [4], "missed": [7], "inside": [],
}  # fmt: skip


def test_the_cuts_of_a_word_are_marked() -> None:
    page = render_tokenizer_page([{"model": "berturk", "analysed_words": [KEDILERI]}], "Words")
    assert (
        '<dd><span class="pieces"><span class="piece a">Kedi</span><span class="cut met">|</span>'
        '<span class="piece b">ler<span class="missed"></span>i</span></span>'
    ) in page


def test_words_and_names_are_escaped() -> None:
    evil = "<script>alert('x')</script>&"
    row = {**KEDILERI, "word": evil, "pieces": [evil], "tokens": [evil], "met": None, "missed": None, "inside": None,
           "morphemes": [{"surface": evil, "gloss": evil}]}  # fmt: skip
    made = render_tokenizer_page([{"model": evil, "fertility": 1.0, "analysed_words": [row]}], evil)
    assert made.count("<script") == 1
    assert "&lt;script&gt;" in made


def test_a_words_cells_fit_their_columns() -> None:
    assert dict(zip(WORDS, build_word_cells("berturk", KEDILERI), strict=True)) == {
        "model": "berturk", "word": "Kedileri", "tokens": "Kedi ##leri", "count": 2, "input_ids": "21611 2065",
        "morphemes": "Kedi (cat) + ler (plural) + i (its)", "met": 1, "missed": 1, "inside": 0,
    }  # fmt: skip
