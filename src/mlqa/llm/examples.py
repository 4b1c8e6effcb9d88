"""Choose the questions of train that a prompt shows with their answers."""

from __future__ import annotations

import numpy as np

from mlqa.data.examples import Examples, find_unseen_rows
from mlqa.data.load import Splits

SHORT_SHARE = 0.25  # of the rows: examples are drawn from those with the shortest contexts, because each costs tokens


def choose_shown(splits: Splits, count: int, seed: int) -> Examples:
    """Draw rows of train with short contexts.

    Contexts that are also asked about are left out, because an example would show what the model is to find. Each
    example has a context of its own if there are enough. If train has questions without an answer, they have their
    share of the examples, at least one of two or more.

    Args:
        splits: Train and validation split.
        count: Number of examples.
        seed: The seed of the draw. Other seeds show other examples.

    Returns:
        At most `count` rows, fewer if there are no more.
    """
    train = splits.train
    allowed = np.flatnonzero(find_unseen_rows(train, splits.validation)).tolist()
    order = np.random.default_rng(seed)
    with_answer = [row for row in allowed if train.answers[row]]
    without = [row for row in allowed if not train.is_answerable(row)]
    none_shown = 0
    if without and count > 1:
        none_shown = max(1, round(count * len(without) / max(1, len(allowed))))
        none_shown = min(none_shown, count - 1 if with_answer else count)
    used: set[int] = set()
    chosen = _draw_short(train, with_answer, count - none_shown, order, used)
    chosen += _draw_short(train, without, none_shown, order, used)
    return train.select(order.permutation(np.array(chosen, dtype=np.int64)))


def _draw_short(train: Examples, rows: list[int], count: int, order: np.random.Generator, used: set[int]) -> list[int]:
    """Draw rows among those with the shortest contexts, of distinct contexts as long as there are some."""
    shortest = sorted(rows, key=lambda row: (len(train.get_context(row)), row))
    pool = shortest[: max(count, round(SHORT_SHARE * len(rows)))]
    drawn = [pool[place] for place in order.permutation(len(pool)).tolist()]
    fresh: list[int] = []
    again: list[int] = []
    for row in drawn:
        context = int(train.context_of[row])
        (again if context in used else fresh).append(row)
        if len(fresh) <= count:
            used.add(context)
    return [*fresh, *again][:count]
