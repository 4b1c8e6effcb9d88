"""The table of words: the language's list, the original article's rows with the real tokenizers, words of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizerFast

from mlqa.data.language import load_language
from mlqa.data.scripts import lower
from mlqa.errors import ModelError
from mlqa.tokenization.normalization import measure_normalization_loss
from mlqa.tokenization.parity import compute_parity
from mlqa.tokenization.readings import Lexicon
from mlqa.tokenization.words import analyze_words

PIECES = ["[UNK]", "[PAD]", "kedi", "##ler", "##i", "ev", "ked", "##ileri"]


def wordpiece(lowercase: bool = False) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if lowercase:
        backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]")


def test_the_words_of_the_language_are_the_default() -> None:
    assert [row["word"] for row in analyze_words(wordpiece(), None, Lexicon("tr_TR"))] == list(
        load_language("tr").words
    )
    assert analyze_words(wordpiece(), None, Lexicon("xx")) == []


def test_a_word_by_hand() -> None:
    (row,) = analyze_words(wordpiece(lowercase=True), ["KEDİLERİ"], Lexicon("tr"))
    # Without its accents İ is i; the list is found whatever the case, and the word stays as given.
    their_cat = {
        "morphemes": [{"surface": "KEDİ", "gloss": "cat"}, {"surface": "LERİ", "gloss": "their"}],
        "met": [4],
        "missed": [],
        "inside": [7],
    }
    its_cats = {name: row[name] for name in ("morphemes", "met", "missed", "inside")}
    assert (row.pop("readings"), row.pop("best"), row.pop("why")) == ([its_cats, their_cat], 0, "")
    assert row == {
        "word": "KEDİLERİ",
        "tokens": ["kedi", "##ler", "##i"],
        "input_ids": [2, 3, 4],
        "pieces": ["KEDİ", "LER", "İ"],
        "morphemes": [
            {"surface": "KEDİ", "gloss": "cat"},
            {"surface": "LER", "gloss": "plural"},
            {"surface": "İ", "gloss": "its / accusative"},
        ],
        "met": [4, 7],
        "missed": [],
        "inside": [],
    }


def test_an_unknown_word_has_no_morphemes_and_one_piece() -> None:
    (row,) = analyze_words(wordpiece(), ["xyzxyz"], Lexicon("fi"))
    assert (row["tokens"], row["pieces"], row["morphemes"]) == (["[UNK]"], ["xyzxyz"], [])
    assert row["met"] is row["missed"] is row["inside"] is None


def test_words_beside_the_list_are_analyzed_by_zeyrek() -> None:
    pytest.importorskip("zeyrek")
    (row,) = analyze_words(wordpiece(), ["Ankara'dakiler"], Lexicon("tr"))
    assert [(part["surface"], part["gloss"]) for part in row["morphemes"]] == [
        ("Ankara", "Ankara"), ("'da", "locative"), ("ki", "relation"), ("ler", "plural / third person plural"),
    ]  # fmt: skip


def test_slow_tokenizers_are_refused_with_a_reason() -> None:
    with pytest.raises(ModelError, match="ByT5Tokenizer is a slow tokenizer, without the character offsets"):
        analyze_words(ByT5Tokenizer(), ["kedi"], Lexicon("tr"))


@given(st.lists(st.text(min_size=1, max_size=12).filter(lambda text: not any(0xD800 <= ord(c) < 0xE000 for c in text))))
def test_pieces_join_to_the_word(words: list[str]) -> None:
    for word, row in zip(words, analyze_words(wordpiece(lowercase=True), words, Lexicon("fi")), strict=True):
        assert "".join(row["pieces"]) == row["word"] == word


KEDILERI = {
    "berturk-cased-32k": (["Kedi", "##leri"], [21611, 2065]),
    "berturk-128k-uncased": (["kedileri"], [49746]),
    "mbert-uncased": (["ked", "##iler", "##i"], [30210, 33719, 10116]),
    "xlm-roberta": (["▁Ke", "di", "leri"], [1345, 428, 1341]),
}


@pytest.mark.parametrize("name", KEDILERI)
def test_the_rows_of_the_original_article(assets: Path, name: str) -> None:
    (row,) = analyze_words(AutoTokenizer.from_pretrained(assets / "tokenizers" / name), ["Kedileri"], Lexicon("tr"))
    assert (row["tokens"], row["input_ids"]) == KEDILERI[name]


def test_what_a_normalizer_loses() -> None:
    words = ["Kedi", "kedi", "açı", "acı", "ev", "ışık", "isık", "Işık"]
    # Kedi and kedi differ in case, açı and acı in letters; BERT makes I an i: Işık becomes isık, ışık ısık.
    figures, examples = measure_normalization_loss(
        wordpiece(lowercase=True), words, lambda word: lower(word, dotted_i=True)
    )
    assert figures == {"case_collisions": 2 / 8, "letter_collisions": 4 / 8, "case_splits": 2 / 8}
    assert examples == [["açı", "acı"], ["isık", "Işık"]]
    cased, none = measure_normalization_loss(wordpiece(), words, lambda word: lower(word, dotted_i=True))
    assert cased == {"case_collisions": 0.0, "letter_collisions": 0.0, "case_splits": 4 / 8} and none == []


def test_parity_by_hand() -> None:
    # kedi ##ler ##i ev: 4; kedi ev: 2
    assert compute_parity(wordpiece(), ["kedileri", "ev"], ["kedi", "ev"]) == 2.0
    assert compute_parity(wordpiece(), ["ev"], ["ev"]) == 1.0
