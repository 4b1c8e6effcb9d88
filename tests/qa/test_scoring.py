"""What becomes of predictions on the way to result.json."""

from __future__ import annotations

import numpy as np

from mlqa.data.examples import Answer, Examples
from mlqa.qa.scoring import by_id, exchanged_questions, scores_of


def examples_of(context_of: list[int]) -> Examples:
    rows = len(context_of)
    contexts = [f"Ali {number}" for number in range(max(context_of) + 1)]
    return Examples(
        [str(row) for row in range(rows)], [f"q{row}" for row in range(rows)], contexts, np.array(context_of),
        [(Answer("Ali", 0),)] * rows,
    )  # fmt: skip


def test_questions_are_exchanged_inside_their_context_and_none_stays() -> None:
    examples = examples_of([0, 1, 0, 2, 0, 3, 1])
    exchanged = exchanged_questions(examples)
    assert sorted(exchanged) == sorted(examples.questions)
    assert all(new != old for new, old in zip(exchanged, examples.questions, strict=True))
    for rows in ([0, 2, 4], [1, 6], [3, 5]):  # the contexts 2 and 3 have one question each: they exchange theirs
        assert {exchanged[row] for row in rows} == {examples.questions[row] for row in rows}
    assert exchanged == exchanged_questions(examples)


def test_scores_of_all_and_of_unseen_rows() -> None:
    """By hand: rows 0 and 3 right; rows 2 and 3 unseen."""
    examples = examples_of([0, 1, 2, 3])
    scores = scores_of(["Ali", "x", "x", "ALI"], examples, np.array([False, False, True, True]), "en")
    assert (scores["exact_match"], scores["exact_match_unseen"], scores["total"], scores["total_unseen"]) == (
        50,
        50,
        4,
        2,
    )
    turkish = scores_of(["Ali", "x", "x", "ALI"], examples, np.zeros(4, dtype=bool), "tr")
    assert turkish["exact_match"] == 50
    assert turkish["exact_match_language"] == 25  # ALI is alı in Turkish
    assert "f1_unseen" not in turkish


def test_repeated_ids_keep_their_answers() -> None:
    assert by_id(["a", "b", "a", "a"], ["1", "2", "3", "4"]) == {"a": "1", "b": "2", "a#2": "3", "a#3": "4"}
