"""Test MorphScore version 2 by hand, after the convention of its authors' script."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_words import wordpiece

from mlqa.tokenization.encoding import EncodedWords, encode_words
from mlqa.tokenization.morphemes import read_segmentations, score_boundaries
from mlqa.tokenization.morphscore import StemmedWord, count_stem_boundaries, find_stem, summarize_stem_boundaries
from mlqa.tokenization.word_files import read_word_file

UNKNOWN = 9


def test_the_stem_is_the_lemma() -> None:
    assert find_stem("kediler", "kedi", 0.5) == StemmedWord("kediler", 0, 4, 0.5)
    assert find_stem("geschrieben", "schreiben") is None  # the lemma is not in the word
    assert find_stem("Kediler", "kedi") is None  # as in the official data, case matters
    assert find_stem("2kediler", "kedi") is None and find_stem("ev", "") is None


@pytest.mark.parametrize(
    ("start", "end", "ids", "cuts", "recall", "precision"),
    [
        (0, 4, [1], (), 1, 1),  # one token: full marks
        (0, 4, [1, 2], (4,), 1, 1 / 2),  # the end of the word counts as a place
        (0, 4, [1, 2, 3], (4, 5), 1, 1 / 3),
        (0, 4, [1, 2], (3,), 0, 0),
        (2, 5, [1, 2, 3], (2, 5), 1, 2 / 3),  # before and after the stem
        (2, 5, [1, 2], (5,), 1 / 2, 1 / 2),
        (0, 4, [UNKNOWN], (), 0, 0),
    ],
)
def test_a_word_by_hand(
    start: int, end: int, ids: list[int], cuts: tuple[int, ...], recall: float, precision: float
) -> None:
    encoded = EncodedWords(["abcdefg"], [ids], [cuts])
    counts = count_stem_boundaries(encoded, [StemmedWord("abcdefg", start, end, 0.25)], UNKNOWN)
    assert summarize_stem_boundaries({name: column.sum() for name, column in counts.items()}) == {
        "morphscore_recall": pytest.approx(recall), "morphscore_precision": pytest.approx(precision),
    }  # fmt: skip
    assert counts["weight"].tolist() == [0.25]


def test_frequent_words_weigh_more_and_bare_words_do_not_count() -> None:
    stemmed = [StemmedWord("evler", 0, 2, 3.0), StemmedWord("evde", 0, 2, 1.0), StemmedWord("ev", 0, 2, 9.0)]
    encoded = EncodedWords(["evler", "evde", "ev"], [[1, 2], [1, 2], [1, 2]], [(2,), (3,), (1,)])
    counts = count_stem_boundaries(encoded, stemmed, None)
    sums = {name: column.sum() for name, column in counts.items()}
    assert summarize_stem_boundaries(sums)["morphscore_recall"] == 3 / 4


# Made up in the form of the authors' data. The scores were computed by the authors' code: version 1 by the script of
# the repository catherinearnett/morphscore, version 2 by its class with freq_scale=True, exclude_single_tok=False and
# subword_prefix="##".
VERSION_1 = """\
,full_word,pt1,rest
0,kediler,kedi,ler
1,kedileri,kedil,eri
2,evi,ev,i
3,evler,evl,er
4,evileri,ev,ileri
5,kedi,ke,di
"""
SCORE_1 = 0.6
VERSION_2 = """\
wordform,unique,lemma,stem,preceding_part,following_part,word_freq_norm
kediler,unique,kedi,kedi,,ler,0.4
kedileri,unique,kedi,kedi,,leri,0.1
evleri,unique,ev,ev,,leri,0.2
kedikedi,unique,ik,ik,ked,edi,0.1
ev,unique,ev,ev,,,0.2
evi,unique,evi,evi,,,0.3
evler2,unique,ev,ev,,ler2,0.1
kediye,unique,kedi,kedi,,ye,0.05
"""
SCORES_2 = {"morphscore_recall": 0.857142857142857, "morphscore_precision": 0.47619047619047616}


def test_the_scores_are_those_that_other_code_computed(tmp_path: Path) -> None:
    tokenizer = wordpiece()
    (tmp_path / "v1.csv").write_text(VERSION_1, "utf-8")
    golds = read_segmentations(tmp_path / "v1.csv")
    assert score_boundaries(encode_words(tokenizer, list(golds)), golds)["morph_score"] == pytest.approx(SCORE_1)

    (tmp_path / "v2.csv").write_text(VERSION_2, "utf-8")
    entries = read_word_file(tmp_path / "v2.csv")
    stemmed = [stem for one in entries if (stem := find_stem(one.word, one.lemma, one.weight)) is not None]
    encoded = encode_words(tokenizer, [stem.word for stem in stemmed])
    counts = count_stem_boundaries(encoded, stemmed, tokenizer.unk_token_id)
    sums = {name: column.sum() for name, column in counts.items()}
    assert summarize_stem_boundaries(sums) == pytest.approx(SCORES_2)
