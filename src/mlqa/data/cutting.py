"""Cut one split in two by whole contexts: a validation split out of train, or one fold of several.

Contexts that are nearly the same by the audit's rule (`mlqa.data.leakage`) stay on one side, so that a cut makes no
leak. The order of contexts is that of a hash of their texts. So the cut is the same for every run, seed and machine,
and for every order of the rows.
"""

from __future__ import annotations

import hashlib

import numpy as np

from mlqa.data.examples import Examples, normalize_context
from mlqa.data.leakage import find_related_contexts
from mlqa.errors import DataError


def cut_share(examples: Examples, share: float) -> tuple[Examples, Examples]:
    """Cut a share of the questions out of a split.

    Args:
        examples: The split.
        share: The share of the questions to cut out, above 0, below 1.

    Returns:
        What is left, and what was cut out.

    Raises:
        DataError: If either would be empty.
    """
    return _divide(examples, _place_rows(examples) < share, f"dataset.validation_share={share:g}")


def cut_fold(examples: Examples, folds: int, fold: int) -> tuple[Examples, Examples]:
    """Cut one of several folds of about equal size out of a split. Each question is in exactly one fold.

    Args:
        examples: The split.
        folds: The number of folds.
        fold: The number of the fold, from 0.

    Returns:
        What is left, and the fold.

    Raises:
        DataError: If either would be empty.
    """
    is_cut = np.floor(_place_rows(examples) * folds) == fold
    return _divide(examples, is_cut, f"dataset.folds={folds}, dataset.fold={fold}")


def _place_rows(examples: Examples) -> np.ndarray:
    """Return the place of each row's group of contexts in the order of their hashes, 0 <= place < 1 [rows].

    A place is the share of questions before the middle of the group. So a group goes where most of it belongs.
    """
    if not len(examples):
        return np.zeros(0)
    group_of = find_related_contexts(examples)[examples.context_of]
    digests: dict[int, str] = {}
    for context, group in sorted({(int(c), int(g)) for c, g in zip(examples.context_of, group_of, strict=True)}):
        digest = hashlib.sha256(normalize_context(examples.contexts[context]).encode("utf-8", "surrogatepass"))
        digests[group] = min(digest.hexdigest(), digests.get(group, "g"))
    order = sorted(digests, key=lambda group: digests[group])
    sizes = np.bincount(group_of)
    middles = np.zeros(len(sizes))
    middles[order] = np.cumsum(sizes[order]) - sizes[order] / 2
    return np.asarray(middles[group_of] / len(examples))


def _divide(examples: Examples, is_cut: np.ndarray, setting: str) -> tuple[Examples, Examples]:
    if is_cut.all() or not is_cut.any():
        raise DataError(
            f"{setting}: the {len(examples.contexts):,} contexts of train are too few to cut, because similar ones "
            "stay together; choose another value, or give a separate file"
        )
    return examples.select(np.flatnonzero(~is_cut)), examples.select(np.flatnonzero(is_cut))
