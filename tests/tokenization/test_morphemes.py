"""Tokens against morphemes: by hand, and against published gold segmentations where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from mlqa.errors import DataError
from mlqa.tokenization.encoding import EncodedWords, encode_words
from mlqa.tokenization.morphemes import find_morpheme_boundaries, read_segmentations, score_boundaries


def encoded(**pieces: str) -> EncodedWords:
    """Words from their pieces: kedileri="kedi leri"."""
    cut = {word: parts.split() for word, parts in pieces.items()}
    return EncodedWords(
        list(cut),
        [list(range(len(parts))) for parts in cut.values()],
        [tuple(sorted(find_morpheme_boundaries(p))) for p in cut.values()],
    )


def test_by_hand() -> None:
    words = encoded(kedileri="kedi leri", evler="evl er", ev="ev", gözlük="gözlük", adam="a dam")
    golds = {
        "kedileri": [("kedi", "ler", "i"), ("kedi", "leri")],  # the second suits: 1 of 1
        "evler": [("ev", "ler")],  # 0 of 1, and one too many
        "ev": [("ev",)],
        "gözlük": [("göz", "lük")],  # missed
        "adam": [("adam",)],  # one too many
    }
    assert score_boundaries(words, golds) == {
        "morpheme_precision": 1 / 3,
        "morpheme_recall": 1 / 3,
        "morpheme_f1": pytest.approx(1 / 3),
        "morph_score": 1 / 2,  # kedi|leri yes, evl|er no; ev, gözlük and adam are none
        "morpheme_words": 5,
    }


def test_words_kept_whole_have_perfect_precision_and_no_recall() -> None:
    scores = score_boundaries(encoded(evler="evler"), {"evler": [("ev", "ler")]})
    assert (scores["morpheme_precision"], scores["morpheme_recall"], scores["morpheme_f1"]) == (1, 0, 0)
    assert scores["morph_score"] == 0
    with pytest.raises(DataError, match="no segmented words"):
        score_boundaries(EncodedWords([], [], []), {})


@given(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=5))
def test_tokens_that_are_the_morphemes_score_one(parts: list[str]) -> None:
    scores = score_boundaries(encoded(**{"".join(parts): " ".join(parts)}), {"".join(parts): [tuple(parts)]})
    assert scores["morpheme_precision"] == scores["morpheme_recall"] == 1


def test_gold_files_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "gold.tsv"
    file.write_text("evler\tev ler\nçıkarsanız\tçık ar sa nız|çıkar sa nız\n\n", "utf-8")
    assert read_segmentations(file) == {
        "evler": [("ev", "ler")],
        "çıkarsanız": [("çık", "ar", "sa", "nız"), ("çıkar", "sa", "nız")],
    }
    file.write_text("evler\tev ler\nevde\tev te\n", "utf-8")
    with pytest.raises(DataError, match=r"gold.tsv, line 2: the morphemes of evde do not join to it; write word<tab>"):
        read_segmentations(file)
    with pytest.raises(DataError, match="there is no such file"):
        read_segmentations(tmp_path / "none.tsv")


@pytest.mark.parametrize(
    ("name", "precision", "recall", "f1"),
    [
        ("berturk-cased-32k", 0.677, 0.403, 0.505),
        ("berturk-128k-uncased", 0.673, 0.331, 0.443),
        ("mbert-uncased", 0.434, 0.466, 0.449),
        ("xlm-roberta", 0.630, 0.514, 0.566),
    ],
)
def test_published_turkish_gold(assets: Path, name: str, precision: float, recall: float, f1: float) -> None:
    """Morpho Challenge 2010; the first three rows were measured apart from this code, too."""
    gold_file = assets / "morphology" / "turkish-gold-segmentation.tsv"
    if not gold_file.is_file():
        pytest.skip(f"{gold_file} is not there")
    golds = read_segmentations(gold_file)
    scores = score_boundaries(
        encode_words(AutoTokenizer.from_pretrained(assets / "tokenizers" / name), list(golds)), golds
    )
    found = [round(scores[f"morpheme_{part}"], 3) for part in ("precision", "recall", "f1")]
    assert found == [precision, recall, f1]
    assert scores["morpheme_words"] == 1760
