"""What a tokenizer's normaliser throws away: word types that are different words to a reader and one to the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

MOST_EXAMPLES = 5


def normalization_loss(
    tokenizer: Any, words: Collection[str], lower: Callable[[str], str]
) -> tuple[dict[str, float], list[list[str]]]:
    """(figures, examples) over distinct words, most frequent first; `lower` is the language's own lower case.

    case_collisions    share (0-1) of the word types that the normaliser makes equal to another of the same letters:
                       they differ in case alone (Kedi, kedi)
    letter_collisions  share of the word types that it makes equal to another with other letters (açı, acı; ılık, ilik):
                       accents, dots and compatibility forms that are lost

    Examples are groups of the second kind. A tokenizer without a normaliser loses nothing. The figures are this
    project's own; that uncased BERTs strip accents is in google-research/bert's tokenization.py.
    """
    normalizer = tokenizer.backend_tokenizer.normalizer
    groups: dict[str, list[str]] = defaultdict(list)
    for word in words:
        groups[normalizer.normalize_str(word) if normalizer else word].append(word)
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
    types = max(len(words), 1)
    return {"case_collisions": case / types, "letter_collisions": letters / types}, examples[:MOST_EXAMPLES]
