"""Which questions of train a prompt shows."""

from __future__ import annotations

import numpy as np

from mlqa.data.examples import Answer, Examples
from mlqa.data.load import Splits
from mlqa.llm.examples import choose_shown


def make_split(name: str, contexts: list[str], context_of: list[int], unanswerable: tuple[int, ...] = ()) -> Examples:
    rows = range(len(context_of))
    answers = [() if row in unanswerable else (Answer(contexts[context_of[row]][:3], 0),) for row in rows]
    questions = [f"{name} {row}?" for row in rows]
    return Examples([f"{name}{row}" for row in rows], questions, contexts, np.array(context_of), list(answers))


# 20 contexts of 20 to 400 characters, two questions each.
TRAIN = make_split(
    "train", [f"{number:02d} " + "x" * 20 * number for number in range(20)], [row // 2 for row in range(40)]
)
ASKED = make_split("validation", ["01 " + "x" * 20, "something else"], [0, 1])


def test_the_same_seed_shows_the_same_and_another_one_others() -> None:
    splits = Splits(TRAIN, ASKED)
    shown = [choose_shown(splits, 3, seed).ids for seed in (1, 1, 2, 3)]
    assert shown[0] == shown[1] and len({tuple(ids) for ids in shown}) == 3


def test_they_are_short_of_distinct_contexts_and_not_asked_about() -> None:
    for seed in range(20):
        shown = choose_shown(Splits(TRAIN, ASKED), 3, seed)
        contexts = {shown.get_context(row) for row in range(3)}
        assert len(contexts) == 3  # there are enough
        assert max(map(len, contexts)) <= 3 + 20 * 5  # the shortest quarter of 38 rows is of the contexts 0 and 2 to 5
        assert ASKED.contexts[0] not in contexts


def test_a_context_is_used_twice_only_if_there_are_no_more() -> None:
    few = make_split("train", ["ab cd", "ef gh"], [0, 0, 1])
    shown = choose_shown(Splits(few, ASKED), 3, 0)
    assert sorted(shown.ids) == ["train0", "train1", "train2"]
    assert len(choose_shown(Splits(few, ASKED), 9, 0)) == 3
    assert len(choose_shown(Splits(few, few), 3, 0)) == 0 == len(choose_shown(Splits(few, ASKED), 0, 0))


def test_questions_without_an_answer_have_their_share() -> None:
    half = make_split("train", TRAIN.contexts, TRAIN.context_of.tolist(), tuple(range(0, 40, 2)))
    rare = make_split("train", TRAIN.contexts, TRAIN.context_of.tolist(), (7,))
    for seed in range(5):
        answerable = [choose_shown(Splits(half, ASKED), 4, seed).is_answerable(row) for row in range(4)]
        assert sum(answerable) == 2
        shown = choose_shown(Splits(rare, ASKED), 2, seed)
        assert "train7" in shown.ids and len(shown) == 2
        assert choose_shown(Splits(rare, ASKED), 1, seed).is_answerable(0)
