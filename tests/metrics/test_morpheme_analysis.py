"""Test where a tokenizer's morphemes come from, and how many words of a corpus have any, by hand."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from mlqa.metrics.morpheme_analysis import Golds, analyze_morphemes, find_golds
from mlqa.tokenization.readings import Lexicon, Reading
from mlqa.tokenization.word_files import WordEntry

PIECES = ["[UNK]", "ev", "##ler", "##i", "kedi", "##leri"]


def wordpiece() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")


def test_the_analyzer_says_what_it_covers() -> None:
    pytest.importorskip("zeyrek")
    golds = find_golds({"evler": 6, "Wiedemann": 1, "kedileri": 3, "12": 9}, Lexicon("tr"), [])
    assert isinstance(golds, Golds) and set(golds.readings) == {"evler", "kedileri"}
    coverage = golds.coverage
    assert (coverage["types"], coverage["words"]) == (2 / 3, 9 / 10)  # a number is no word of letters
    assert coverage["reasons"] == {"the analyzer does not know it": {"types": 1, "examples": ["Wiedemann"]}}
    assert [(stem.word, stem.end, stem.weight) for stem in golds.stemmed] == [("evler", 2, 6)]

    found = analyze_morphemes(wordpiece(), golds, [1, 2, 3, 4, 5], Lexicon("tr"))
    # ev|ler and kedi|leri fit a reading each
    assert found.figures["morpheme_f1"] == 1 and found.figures["morphscore_recall"] == 1
    assert found.details["readings"]["likeliest"]["morpheme_recall"] == 2 / 3  # kedi+ler+i
    assert found.details["suffix_families"]["plural"]["clean"] == 1
    assert found.figures["language_tokens"] == found.figures["pure_tokens"] == 1
    low, high = found.intervals["analyzed_types"]
    assert 0 <= low < 2 / 3 < high <= 1


def test_a_gold_file_comes_first_and_may_have_lemmas_only() -> None:
    entries = [WordEntry("evler", [Reading([("ev", ""), ("ler", "")])]), WordEntry("kediler", [], "kedi", 2.0)]
    golds = find_golds({"evler": 1}, Lexicon("fi"), entries)
    assert isinstance(golds, Golds) and golds.source == "dataset.segmentation_file" and not golds.coverage
    assert list(golds.readings) == ["evler"] and [stem.word for stem in golds.stemmed] == ["kediler"]


def test_without_any_the_reason_is_given() -> None:
    reason = find_golds({"mbwa": 1}, Lexicon("ha"), [])
    assert reason == (
        "no morpheme figures: Hausa has no analyzer, and 0 listed words of the 50 that are needed; "
        "give dataset.segmentation_file"
    )
