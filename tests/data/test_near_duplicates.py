"""Near pairs against brute force over plain Python sets: none wrong, and as few missed as the formula says."""

from __future__ import annotations

import random
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.data import near_duplicates
from mlqa.data.near_duplicates import Unit, build_shingles, compute_miss_probability, find_near_pairs


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
    pairs = find_near_pairs(build_shingles(left, unit, size), build_shingles(right, unit, size), threshold)
    return {(at, other): value for at, other, value in zip(*(part.tolist() for part in pairs), strict=True)}


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
    joined = build_shingles([" ".join(words)] if words != ["?!", "..."] else [text], Unit.word, 1)
    assert build_shingles([text], Unit.word, 1).hashes.tolist() == joined.hashes.tolist()
    assert len(joined.hashes) == len(words)
    assert (
        build_shingles([text], Unit.word, 1).hashes.tolist()
        != build_shingles([text + " x"], Unit.word, 1).hashes.tolist()
    )


def test_the_probability_of_a_miss() -> None:
    assert compute_miss_probability(0.6) == pytest.approx((1 - 0.6**3) ** 32) == pytest.approx(4.1e-4, rel=0.02)
    assert compute_miss_probability(0.8) < 1e-9
    assert compute_miss_probability(1) == 0


words = st.lists(st.sampled_from(["kedi", "köpek", "ev", "i̇z", "x", "😀", "1923'te", "-"]), max_size=8).map(" ".join)


@given(st.lists(words, min_size=1, max_size=6), st.lists(words, min_size=1, max_size=6), st.sampled_from(Unit))
def test_the_same_texts_are_always_found_and_none_wrongly(left: list[str], right: list[str], unit: Unit) -> None:
    expected = brute_force(left, right, unit, 3)
    pairs = found(left, right, unit, 3, 0.2)
    for pair, similarity in pairs.items():
        assert similarity == pytest.approx(expected[pair])
    for at, other in zip(*np.nonzero(expected == 1), strict=True):
        assert (int(at), int(other)) in pairs


def changed(draw: random.Random, words: list[str], share: float) -> str:
    return " ".join(f"w{draw.randrange(10**6)}" if draw.random() < share else word for word in words)


def test_against_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts changed to every degree, in chunks of several sizes: misses as the formula says."""
    draw = random.Random(3)
    originals = [[f"w{draw.randrange(5000)}" for _ in range(draw.randrange(1, 80))] for _ in range(300)]
    right = [" ".join(text) for text in originals]
    left = [changed(draw, text, draw.random() * 0.25) for text in originals for _ in range(3)]
    expected = brute_force(left, right, Unit.word, 3)
    monkeypatch.setattr(near_duplicates, "CHUNK_TEXTS", 7)
    monkeypatch.setattr(near_duplicates, "CHUNK_SHINGLES", 1000)
    pairs = found(left, right, Unit.word, 3, 0.3)
    assert all(similarity == pytest.approx(expected[pair]) for pair, similarity in pairs.items())
    near = {(int(at), int(other)) for at, other in zip(*np.nonzero(expected >= 0.3), strict=True)}
    assert set(pairs) <= near
    probabilities = np.array([compute_miss_probability(expected[pair]) for pair in near])
    deviation = np.sqrt((probabilities * (1 - probabilities)).sum())
    assert len(near) > 400 and probabilities.sum() > 10  # enough to tell
    assert abs(len(near - set(pairs)) - probabilities.sum()) < 4 * deviation
    assert {pair for pair in near if expected[pair] >= 0.8} <= set(pairs)


def test_groups_keep_pairs_apart() -> None:
    texts = ["kedi nerede uyur", "kedi nerede uyur"]
    left = build_shingles(texts, Unit.character, 4, np.array([1, 2]))
    right = build_shingles(texts, Unit.character, 4, np.array([2, 3]))
    at, other, similarity = find_near_pairs(left, right, 0.5)
    assert (at.tolist(), other.tolist(), similarity.tolist()) == ([1], [0], [1.0])


def test_nothing_to_compare() -> None:
    none, one = build_shingles([], Unit.word, 3), build_shingles([""], Unit.word, 3)
    for left, right in ((none, one), (one, none), (none, none)):
        assert [len(part) for part in find_near_pairs(left, right, 0.5)] == [0, 0, 0]


def test_tquad_contexts_against_brute_force(assets: object) -> None:
    """Every near pair of the dev split's contexts and train's, though 1 in 2,400 at the threshold may be missed."""
    from pathlib import Path

    from mlqa.data.leakage import CONTEXT_WORDS, NEAR_CONTEXT
    from mlqa.data.readers import read_file

    train, dev = (read_file(Path(str(assets)) / "data" / "tquad" / f"{name}-v0.1.json") for name in ("train", "dev"))
    expected = brute_force(dev.contexts, train.contexts, Unit.word, CONTEXT_WORDS)
    pairs = found(dev.contexts, train.contexts, Unit.word, CONTEXT_WORDS, NEAR_CONTEXT)
    assert set(pairs) == {(int(a), int(b)) for a, b in zip(*np.nonzero(expected >= NEAR_CONTEXT), strict=True)}
