"""What a tokenizer's normalizer does to words: which ones it makes equal, and which ones it keeps apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

MOST_EXAMPLES = 5


def measure_normalization_loss(
    tokenizer: Any, words: Collection[str], lower: Callable[[str], str]
) -> tuple[dict[str, float], list[list[str]]]:
    """Measure which distinct words a tokenizer's normalizer confuses. Without a normalizer nothing is lost.

    These figures are this project's own. That uncased BERTs strip accents is in google-research/bert's tokenization.py.

    Args:
        tokenizer: A fast tokenizer.
        words: Distinct words, most frequent first.
        lower: The language's own lower case.

    Returns:
        The figures, and the first `MOST_EXAMPLES` groups of letter collisions:

        - case_collisions: Share (0-1) of the word types that become equal to another with the same letters, one that
          differs in case only (Kedi, kedi).
        - letter_collisions: Share of the word types that become equal to another with other letters (açı, acı and ılık,
          ilik), because accents, dots or compatibility forms are lost.
        - case_splits: Share of the word types that stay apart from another that differs in case only. A cased tokenizer
          does so by design (Kedi, kedi), one that lowercases does so by English rules (Işık, ışık).
    """
    normalizer = tokenizer.backend_tokenizer.normalizer
    normalized = {word: normalizer.normalize_str(word) if normalizer else word for word in words}
    groups: dict[str, list[str]] = defaultdict(list)
    same_letters: dict[str, list[str]] = defaultdict(list)
    for word, form in normalized.items():
        groups[form].append(word)
        same_letters[lower(word)].append(form)
    splits = sum(len(forms) for forms in same_letters.values() if len(set(forms)) > 1)
    case = letters = 0
    examples: list[list[str]] = []
    for group in groups.values():
        if len(group) < 2:
            continue
        of_letters: dict[str, list[str]] = defaultdict(list)
        for word in group:
            of_letters[lower(word)].append(word)
        case += sum(len(same) for same in of_letters.values() if len(same) > 1)
        if len(of_letters) > 1:
            letters += len(group)
            examples.append([same[0] for same in of_letters.values()])
    types = max(len(normalized), 1)
    figures = {"case_collisions": case / types, "letter_collisions": letters / types, "case_splits": splits / types}
    return figures, examples[:MOST_EXAMPLES]
