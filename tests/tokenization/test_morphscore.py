"""Test MorphScore version 2 by hand, after the convention of its authors' script."""

from __future__ import annotations

import pytest

from mlqa.tokenization.encoding import EncodedWords
from mlqa.tokenization.morphscore import StemmedWord, count_stem_boundaries, find_stem, summarize_stem_boundaries

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
