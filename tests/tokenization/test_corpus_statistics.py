"""Corpus figures: by hand with small tokenizers, and of the real ones against the running text."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizerFast

from mlqa.errors import DataError, ModelError
from mlqa.tokenization.corpus_statistics import (
    WHITESPACE_WORD,
    compute_corpus_statistics,
    compute_renyi_efficiency,
    count_words,
)


def wordpiece() -> PreTrainedTokenizerFast:
    pieces = ["[UNK]", "[PAD]", "kedi", "##ler", "##i", "ev", ",", ";", "."]
    backend = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]")


def bpe(space: str) -> Tokenizer:
    """One piece for "ev" after a space, which the pieces write as `space`, and two elsewhere."""
    pieces = [space, "e", "v", f"{space}e", f"{space}ev"]
    return Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, [(space, "e"), (f"{space}e", "v")]))


# kedi x 2, kediler, ev, kedileri, köpek: 1 + 1 + 2 + 1 + 3 + 1 (unknown) tokens
CATS = ["kedi, kediler; ev.", "kedileri köpek kedi"]


def test_by_hand() -> None:
    assert compute_corpus_statistics(wordpiece(), count_words(CATS)) == {
        "vocab_size": 9,
        "vocabulary_use": 5 / 9,
        "words": 6,
        "word_types": 5,
        "fertility": 9 / 6,
        "single_characters": 1 / 9,  # ##i
        "continued_words": 2 / 6,
        "unk_rate": 1 / 9,
        "single_token_retention": 2 / 5,  # kedi, ev; köpek is one token, but the unknown one
        "characters_per_token": (4 + 7 + 2 + 8 + 5 + 4) / 9,
        # kedi 4, ##ler 2, ev 1, ##i 1, [UNK] 1
        "renyi_efficiency": pytest.approx(
            math.log((4 / 9) ** 2.5 + (2 / 9) ** 2.5 + 3 * (1 / 9) ** 2.5) / -1.5 / math.log(5)
        ),
    }


def test_renyi_efficiency_is_that_of_the_authors_own_tool() -> None:
    """tokenization-scorer's published examples (its README), of order 3, which is its default."""
    assert compute_renyi_efficiency(np.array([3, 2, 1, 1]), 3.0) == pytest.approx(0.8031528501359657)
    assert compute_renyi_efficiency(np.array([3, 3, 2, 2, 1]), 3.0) == pytest.approx(0.9105681923824472)
    assert compute_renyi_efficiency(np.array([7, 7, 7])) == pytest.approx(1)


def test_white_space_words_hold_their_punctuation() -> None:
    # kedi, kediler; ev. kedileri köpek kedi: 2 + 3 + 2 + 3 + 1 + 1 tokens
    found = compute_corpus_statistics(wordpiece(), count_words(CATS, WHITESPACE_WORD))
    names = ("words", "word_types", "fertility", "continued_words", "unk_rate")
    assert {name: found[name] for name in names} == {
        "words": 6,
        "word_types": 6,
        "fertility": 12 / 6,
        "continued_words": 4 / 6,
        "unk_rate": 1 / 12,
    }


def test_words_of_a_language_without_spaces() -> None:
    """kedi ##ler ##i as the words ke dile ri: a token begins inside dile, and one inside ri."""
    parts = {"kedileri": ["ke", "dile", "ri"], "kediler": ["kedi", "ler"], "ev": ["ev"]}
    found = compute_corpus_statistics(wordpiece(), {"kedileri": 2, "kediler": 3, "ev": 1}, parts.__getitem__)
    assert (found["words"], found["fertility"]) == (2 * 3 + 3 * 2 + 1, (2 * 3 + 3 * 2 + 1) / 13)
    assert found["continued_words"] == 2 * 2 / 13  # dile at ##ler, ri at ##i


def test_an_earlier_padded_call_changes_nothing() -> None:
    tokenizer = wordpiece()
    expected = compute_corpus_statistics(tokenizer, count_words(CATS))
    tokenizer(["ev ev ev", "ev"], padding="max_length", max_length=8, truncation=True)
    assert compute_corpus_statistics(tokenizer, count_words(CATS)) == expected


@pytest.mark.parametrize("kind", ["byte level", "metaspace", "metaspace without prefix", "prepending"])
def test_words_are_taken_as_they_stand_in_running_text(kind: str) -> None:
    backend = bpe("Ġ" if kind == "byte level" else "▁")
    if kind == "byte level":
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    elif kind == "metaspace":
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
    elif kind == "metaspace without prefix":
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    else:
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    statistics = compute_corpus_statistics(PreTrainedTokenizerFast(tokenizer_object=backend), count_words(["ev ev ev"]))
    assert statistics["fertility"] == 1.0
    assert statistics["continued_words"] == 0.0
    assert statistics["unk_rate"] == 0.0


@given(
    st.lists(st.sampled_from(["kedi", "kediler", "evi", "köpek", "ev'de", "."]), min_size=1).filter(
        lambda words: set(words) != {"."}
    )
)
def test_figures_are_shares(words: list[str]) -> None:
    once = compute_corpus_statistics(wordpiece(), count_words([" ".join(words)]))
    twice = compute_corpus_statistics(wordpiece(), count_words(words + words))
    assert twice["words"] == 2 * once["words"]
    for key in ("word_types", "fertility", "continued_words", "unk_rate"):
        assert twice[key] == pytest.approx(once[key])
    # A word has one token, a continued one at least two.
    assert once["fertility"] > 0.999 + once["continued_words"]
    assert 0 <= once["unk_rate"] <= 1


def test_a_slow_tokenizer_is_refused() -> None:
    with pytest.raises(ModelError, match="ByT5Tokenizer is a slow tokenizer, without the character offsets"):
        compute_corpus_statistics(ByT5Tokenizer(), count_words(CATS))


def test_no_words_are_refused() -> None:
    with pytest.raises(DataError, match="no word"):
        compute_corpus_statistics(wordpiece(), count_words(["", "... !"]))


@pytest.mark.parametrize(
    ("name", "vocab_size", "tokens_per_word"),
    [
        ("berturk-cased-32k", 32_000, 1.73),
        ("berturk-128k-uncased", 128_000, 1.66),
        ("xlm-roberta", 250_002, 1.97),
        ("mbert-uncased", 105_879, 2.16),
    ],
)
def test_real_tokenizers(assets: Path, name: str, vocab_size: int, tokens_per_word: float) -> None:
    """Over white-space words the fertility is that of TQuAD's running text, tokenized context by context."""
    articles = json.loads((assets / "data" / "tquad" / "train-v0.1.json").read_text(encoding="utf-8"))["data"]
    contexts = list(dict.fromkeys(p["context"] for article in articles for p in article["paragraphs"]))
    tokenizer = AutoTokenizer.from_pretrained(assets / "tokenizers" / name)
    running = tokenizer(contexts, add_special_tokens=False, verbose=False)["input_ids"]

    spaced = compute_corpus_statistics(tokenizer, count_words(contexts, WHITESPACE_WORD))
    assert spaced["vocab_size"] == vocab_size
    assert spaced["words"] == sum(len(context.split()) for context in contexts)
    assert spaced["fertility"] == sum(map(len, running)) / spaced["words"]
    assert round(spaced["fertility"], 2) == tokens_per_word

    words = compute_corpus_statistics(tokenizer, count_words(contexts))
    assert 1 < words["fertility"] < spaced["fertility"]
    assert words["words"] > spaced["words"]
    assert words["unk_rate"] < 0.002
