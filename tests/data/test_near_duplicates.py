"""Near pairs against brute force over plain Python sets: none wrong, and none missed."""

from __future__ import annotations

import random
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.data.near_duplicates import Unit, build_shingles, find_near_pairs


def plain_shingles(text: str, unit: Unit, size: int) -> set[tuple[str, ...]]:
    """The definition, a shingle at a time."""
    unmarked = "".join(letter for letter in text if unicodedata.category(letter)[0] != "M")
    letters = re.sub(r"[\W_]+", " ", unmarked).strip() or text
    units = list(letters) if unit is Unit.character else letters.split()
    return {tuple(units[at : at + size]) for at in range(max(1, len(units) - size + 1))}


def brute_force(left: list[str], right: list[str], unit: Unit, size: int) -> np.ndarray:
    """The similarity of every pair [left, right]."""
    sets = [plain_shingles(text, unit, size) for text in right]
    table = np.zeros((len(left), len(right)))
    for at, text in enumerate(left):
        mine = plain_shingles(text, unit, size)
        table[at] = [len(mine & other) / len(mine | other) for other in sets]
    return table


def found(left: list[str], right: list[str], unit: Unit, size: int, threshold: float) -> dict[tuple[int, int], float]:
    ours, theirs = ([build_shingles(text, unit, size) for text in texts] for texts in (left, right))
    return {(at, other): value for at, other, value in find_near_pairs(ours, theirs, threshold)}


def test_by_hand() -> None:
    """bir iki üç | iki üç dört | üç dört beş against bir iki üç | iki üç dört | üç dört altı: 2 of 4."""
    pairs = found(["bir iki üç dört beş"], ["Kedi.", "bir, iki üç dört altı"], Unit.word, 3, 0.5)
    assert pairs == {(0, 1): 0.5}
    assert found(["bir iki üç dört beş"], ["bir, iki üç dört altı"], Unit.word, 3, 0.51) == {}
    # kedi edi_ di_m i_mi against kedi edi_ di_m i_mu: 3 of 5
    assert found(["kedi mi"], ["kedi mu?"], Unit.character, 4, 0.6) == {(0, 0): 0.6}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी भाषा", ["हनद", "भष"]),  # vowel signs and viramas tear no word
        ("مُحَمَّد هنا", ["محمد", "هنا"]),
        ("i\u0307zmir'de", ["izmir", "de"]),
        ("北京 2008年", ["北", "京", "2008", "年"]),
        ("ที่", ["ท"]),
        ("?! ...", ["?!", "..."]),
    ],
)
def test_what_is_a_word(text: str, words: list[str]) -> None:
    joined = text if words == ["?!", "..."] else " ".join(words)
    shingles = set(build_shingles(text, Unit.word, 1))
    assert shingles == set(build_shingles(joined, Unit.word, 1)) != set(build_shingles(text + " x", Unit.word, 1))
    assert len(shingles) == len(words)


words = st.lists(st.sampled_from(["kedi", "köpek", "ev", "i̇z", "x", "😀", "1923'te", "-"]), max_size=8).map(" ".join)


@pytest.mark.slow
@given(st.lists(words, min_size=1, max_size=6), st.lists(words, min_size=1, max_size=6), st.sampled_from(Unit))
def test_every_pair_is_found_and_none_wrongly(left: list[str], right: list[str], unit: Unit) -> None:
    expected = brute_force(left, right, unit, 3)
    for threshold in (0.2, 0.5, 0.6, 1):
        assert found(left, right, unit, 3, threshold) == _pairs_of(expected, threshold)


def _pairs_of(table: np.ndarray, threshold: float) -> dict[tuple[int, int], float]:
    near = zip(*np.nonzero(table >= threshold), strict=True)
    return {(int(at), int(other)): float(table[at, other]) for at, other in near}


def changed(draw: random.Random, words: list[str], share: float) -> str:
    return " ".join(f"w{draw.randrange(10**6)}" if draw.random() < share else word for word in words)


@pytest.mark.slow
def test_against_brute_force() -> None:
    """Texts changed to every degree."""
    draw = random.Random(3)
    originals = [[f"w{draw.randrange(5000)}" for _ in range(draw.randrange(1, 80))] for _ in range(300)]
    right = [" ".join(text) for text in originals]
    left = [changed(draw, text, draw.random() * 0.25) for text in originals for _ in range(3)]
    expected = _pairs_of(brute_force(left, right, Unit.word, 3), 0.3)
    assert len(expected) > 400  # enough to tell
    assert found(left, right, Unit.word, 3, 0.3) == expected


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [0.2, 0.6, 0.8, 1])
def test_formulaic_texts_in_small_parts(threshold: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few words in few orders, so that every shingle is frequent, and parts that end within a text's pairs."""
    monkeypatch.setattr("mlqa.data.near_duplicates.AT_ONCE", 50)
    draw = random.Random(4)
    sentences = [" ".join(draw.choice("bir iki üç dört".split()) for _ in range(6)) for _ in range(7)]
    left, right = ([" ".join(draw.choices(sentences, k=draw.randrange(1, 9))) for _ in range(120)] for _ in range(2))
    expected = _pairs_of(brute_force(left, right, Unit.word, 3), threshold)
    assert 20 < len(expected) < 120 * 120
    assert found(left, right, Unit.word, 3, threshold) == expected


def test_nothing_to_compare() -> None:
    for left, right in (([], [""]), ([""], []), ([], [])):
        assert found(left, right, Unit.word, 3, 0.5) == {}
    assert found([""], [""], Unit.word, 3, 0.5) == {(0, 0): 1}


@pytest.mark.slow
def test_tquad_contexts_against_brute_force(assets: object) -> None:
    """Every near pair of the dev split's contexts and train's."""
    from pathlib import Path

    from mlqa.data.leakage import CONTEXT_WORDS, NEAR_CONTEXT
    from mlqa.data.readers import read_file

    train, dev = (read_file(Path(str(assets)) / "data" / "tquad" / f"{name}-v0.1.json") for name in ("train", "dev"))
    expected = brute_force(dev.contexts, train.contexts, Unit.word, CONTEXT_WORDS)
    assert found(dev.contexts, train.contexts, Unit.word, CONTEXT_WORDS, NEAR_CONTEXT) == _pairs_of(
        expected, NEAR_CONTEXT
    )
