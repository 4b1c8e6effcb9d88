"""Mix the train splits of several data sets.

Rows whose context is in a scored split, the same or nearly the same by the audit's rule (`mlqa.data.leakage`), are left
out, so that no set brings a leak into the scores. Questions without an answer are left out if none is scored, because a
model that has learnt to give no answer would give none there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlqa.config.schema import MixedSetConfig
from mlqa.data.examples import Examples
from mlqa.data.leakage import find_shared_contexts
from mlqa.errors import DataError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MixedSet:
    """A data set's rows in a mixed train split, in which those of one set follow those of another.

    Attributes:
        name: Its option of the group `dataset`.
        rows: The rows that are left.
        rows_per_epoch: How many rows an epoch reads.
        removed: {scored split: rows that were left out because their context is in it}. A row counts once.
        without_answer: Rows that were left out because they have no answer.
    """

    name: str
    rows: int
    rows_per_epoch: int
    removed: dict[str, int]
    without_answer: int

    def to_dict(self) -> dict[str, Any]:
        """Return the content for result.json."""
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def describe(self) -> str:
        """Return one line for the log."""
        left_out = [f"{count:,} have a context of {split}" for split, count in self.removed.items() if count]
        if self.without_answer:
            left_out.append(f"{self.without_answer:,} have no answer")
        total = self.rows + self.without_answer + sum(self.removed.values())
        reasons = f" ({' and '.join(left_out)}: left out)" if left_out else ""
        return f"mix: {self.name}: {self.rows:,} of {total:,} rows{reasons}, {self.rows_per_epoch:,} of them an epoch"


def mix_train_splits(
    trains: Mapping[str, Examples], sets: Mapping[str, MixedSetConfig], scored: Mapping[str, Examples]
) -> tuple[Examples, tuple[MixedSet, ...]]:
    """Join the train splits of several data sets, without what is in a scored split.

    Args:
        trains: The train split of each set.
        sets: Their settings.
        scored: What is scored: the splits of the target set by their names, further data sets by theirs.

    Returns:
        The mixed train split, and its sets in its order.

    Raises:
        DataError: Nothing of a set is left.
    """
    with_unanswerable = not scored or any(split.has_unanswerable for split in scored.values())
    kept: list[Examples] = []
    described: list[MixedSet] = []
    for name, examples in trains.items():
        is_left = np.ones(len(examples), dtype=bool)
        removed = {}
        for split, questions in scored.items():
            is_shared = is_left & find_shared_contexts(examples, questions)
            removed[split] = int(is_shared.sum())
            is_left &= ~is_shared
        without_answer = 0
        if not with_unanswerable and examples.has_unanswerable:
            has_none = is_left & ~np.array([examples.is_answerable(row) for row in range(len(examples))])
            without_answer = int(has_none.sum())
            is_left &= ~has_none
        rows = int(is_left.sum())
        if not rows:
            raise DataError(
                f"dataset.mix.sets.{name}: none of its {len(examples):,} rows is left, because their contexts are "
                "scored or they have no answer; leave the set out"
            )
        wanted, most = max(1, round(sets[name].weight * rows)), sets[name].max_train_samples
        per_epoch = wanted if most is None else min(wanted, most)
        kept.append(examples.select(np.flatnonzero(is_left)))
        described.append(MixedSet(name, rows, per_epoch, removed, without_answer))
    return Examples.join(kept), tuple(described)
