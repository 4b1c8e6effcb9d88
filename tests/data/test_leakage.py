"""Leaked questions and contexts on made-up splits, each counted by hand."""

from __future__ import annotations

import numpy as np

from mlqa.data.examples import Examples, find_unseen_rows
from mlqa.data.leakage import NONE, find_leakage
from mlqa.data.rows import ExamplesBuilder

CATS = "İzmir'in kedileri geceyi liman kahvehanesinin sıcak çatısında geçirir, sabah olunca balık beklerler."
BIRDS = "Leylekler ilkbaharda köyün en yüksek bacasına yuva yapar ve yaz sonunda güneye doğru uçarlar."


def split(*rows: tuple[str, str]) -> Examples:
    """Rows of (context, question), the answer being the context's first word."""
    builder = ExamplesBuilder("test")
    for number, (context, question) in enumerate(rows):
        builder.add(f"row {number}", number, question, context, [{"text": context.split()[0], "answer_start": 0}])
    return builder.build()


TRAIN = split((CATS, "Kediler geceyi nerede geçirir?"), (CATS, "Ne beklerler?"), (BIRDS, "Leylekler nereye uçar?"))


def test_each_way() -> None:
    one_word_changed = CATS.replace("balık", "ekmek")
    validation = split(
        (CATS, "Kediler geceyi nerede geçirir?"),  # the row itself
        (CATS.replace(" ", "  "), "kediler  geceyi NEREDE geçirir?"),  # the same after normalization
        (CATS, "Ne beklerler?".lower()),
        (CATS, "Kediler geceyi nerede geçiriyor?"),  # a near question of the same context: 21 of 26 shingles
        (one_word_changed, "Ne beklerler?"),  # the same question of a near context: 9 of 13 trigrams
        (one_word_changed, "Kediler sabah ne bekler?"),  # only its context is near
        (BIRDS, "Ne beklerler?"),  # the question of another context
        ("Kartal yüksekten uçar.", "Leylekler nereye uçar?"),  # nothing but a question that stands elsewhere
    )
    questions, contexts = find_leakage(validation, TRAIN)
    assert questions.way.tolist() == [0, 1, 1, 2, 2, NONE, NONE, NONE]
    assert questions.twin.tolist() == [0, 0, 1, 0, 1, -1, -1, -1]
    assert questions.count_by_way() == {"exact": 1, "normalized": 3, "near": 5}
    assert contexts.way.tolist() == [0, 1, 0, 0, 2, 2, 0, NONE]
    assert contexts.count_by_way() == {"exact": 4, "normalized": 5, "near": 7}
    assert contexts.twin.tolist() == [0, 0, 0, 0, 0, 0, 2, -1]


def test_normalized_contexts_are_those_of_unseen_rows() -> None:
    validation = split((CATS.upper(), "a"), (CATS.lower(), "b"), (BIRDS + " ", "c"), (BIRDS + " Ve!", "d"))
    _, contexts = find_leakage(validation, TRAIN)
    assert ((contexts.way <= 1) == ~find_unseen_rows(validation, TRAIN)).all()


def test_the_strongest_twin_is_named() -> None:
    near = CATS.replace("balık", "ekmek")
    train = split((near, "Ne beklerler?"), (CATS.lower(), "Ne beklerler?"), (CATS, "Ne beklerler?"))
    questions, contexts = find_leakage(split((CATS, "Ne beklerler?")), train)
    assert (questions.twin.tolist(), questions.way.tolist()) == ([2], [0])
    assert (contexts.twin.tolist(), contexts.way.tolist()) == ([2], [0])
    # Context by context: the same question of a near one is near, whatever stands elsewhere.
    questions, _ = find_leakage(split((near, "Ne beklerler?")), split((CATS, "Ne beklerler?")))
    assert questions.way.tolist() == [2]


def test_no_leak_at_all() -> None:
    questions, contexts = find_leakage(split((BIRDS, "a")), split((CATS, "a")))
    assert questions.count_by_way() == contexts.count_by_way() == {"exact": 0, "normalized": 0, "near": 0}


def test_signs_alone_are_compared_too() -> None:
    """Questions and contexts without a letter have one shingle, of nothing."""
    questions, contexts = find_leakage(split(("...", "?")), split(("...", "?"), ("!", "!!")))
    assert questions.way.tolist() == contexts.way.tolist() == [0]
    questions, contexts = find_leakage(split(("???", "...")), split(("!!!", ",,,")))
    assert questions.way.tolist() == contexts.way.tolist() == [NONE]


def test_scripts_without_spaces() -> None:
    """Texts of 400 characters without a space, one of them changed: 3 of 398 trigrams, where no word is the same."""
    train = "".join(chr(0x4E00 + 7 * number) for number in range(400))
    changed = train[:200] + "\u9fa0" + train[201:]
    other = "".join(chr(0x4E01 + 7 * number) for number in range(400))
    _, contexts = find_leakage(split((changed, "q"), (other, "q")), split((train, "q")))
    assert contexts.way.tolist() == [2, NONE]


def test_tquad(tquad: tuple[Examples, Examples]) -> None:
    train, dev = tquad
    questions, contexts = find_leakage(dev, train)
    assert questions.count_by_way() == {"exact": 194, "normalized": 194, "near": 202}
    assert contexts.count_by_way() == {"exact": 227, "normalized": 260, "near": 355}
    assert np.array_equal(contexts.way <= 1, ~find_unseen_rows(dev, train))


def test_tquad_by_letters_and_digits_alone(tquad: tuple[Examples, Examples]) -> None:
    """262, the other figure in use, is that of contexts without their signs; they are all found as near."""
    import re

    train, dev = tquad

    def letters(text: str) -> str:
        return re.sub(r"[\W_]+", " ", text.lower()).strip()

    known = {letters(context) for context in train.contexts}
    same = np.array([letters(context) in known for context in dev.contexts])[dev.context_of]
    _, contexts = find_leakage(dev, train)
    assert same.sum() == 262
    assert not (same & (contexts.way == NONE)).any()
