"""What a tokenizer's normalizer does to words: which ones it makes equal, and which ones it keeps apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

MOST_EXAMPLES = 5


def measure_normalization_loss(
    tokenizer: Any, words: Collection[str], lower: Callable[[str], str]
) -> tuple[dict[str, float], list[list[str]]]:
    """Return the share (0-1) of the word types with each flag of `flag_normalization_losses`, and its examples."""
    flags, examples = flag_normalization_losses(tokenizer, words, lower)
    return {name: float(column.mean()) if len(column) else 0.0 for name, column in flags.items()}, examples


def flag_normalization_losses(
    tokenizer: Any, words: Collection[str], lower: Callable[[str], str]
) -> tuple[dict[str, np.ndarray], list[list[str]]]:
    """Tell which distinct words a tokenizer's normalizer confuses. Without a normalizer nothing is lost.

    These figures are this project's own. That uncased BERTs strip accents is in google-research/bert's tokenization.py.

    Args:
        tokenizer: A fast tokenizer.
        words: Distinct words, most frequent first.
        lower: The language's own lower case.

    Returns:
        {flag: float [words], 0 or 1}, and the first `MOST_EXAMPLES` groups of letter collisions:

        - case_collisions: The word type becomes equal to another with the same letters, one that differs in case only
          (Kedi, kedi).
        - letter_collisions: The word type becomes equal to another with other letters (açı, acı and ılık, ilik),
          because accents, dots or compatibility forms are lost.
        - case_splits: The word type stays apart from another that differs in case only. A cased tokenizer does so by
          design (Kedi, kedi), one that lowercases does so by English rules (Işık, ışık).
    """
    normalizer = tokenizer.backend_tokenizer.normalizer
    forms = [normalizer.normalize_str(word) if normalizer else word for word in words]
    lowered = [lower(word) for word in words]
    by_form: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    by_letters: dict[str, set[str]] = defaultdict(set)
    for word, form, letters in zip(words, forms, lowered, strict=True):
        by_form[form][letters].append(word)
        by_letters[letters].add(form)
    flags = [
        (len(by_form[form][letters]) > 1, len(by_form[form]) > 1, len(by_letters[letters]) > 1)
        for form, letters in zip(forms, lowered, strict=True)
    ]
    table = np.array(flags, dtype=np.float64).reshape(-1, 3)
    examples = [[same[0] for same in group.values()] for group in by_form.values() if len(group) > 1]
    names = ("case_collisions", "letter_collisions", "case_splits")
    return {name: table[:, column] for column, name in enumerate(names)}, examples[:MOST_EXAMPLES]
