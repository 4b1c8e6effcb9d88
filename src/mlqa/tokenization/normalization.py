"""What a tokenizer's normaliser does to words: different ones that become one to the model, and the reverse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

MOST_EXAMPLES = 5


def measure_normalization_loss(
    tokenizer: Any, words: Collection[str], lower: Callable[[str], str]
) -> tuple[dict[str, float], list[list[str]]]:
    """(figures, examples) over distinct words, most frequent first; `lower` is the language's own lower case.

    case_collisions    share (0-1) of the word types that the normaliser makes equal to another of the same letters:
                       they differ in case alone (Kedi, kedi)
    letter_collisions  share of the word types that it makes equal to another with other letters (açı, acı; ılık, ilik):
                       accents, dots and compatibility forms that are lost
    case_splits        share of the word types that stay apart from another that differs in case alone: by design in a
                       cased tokenizer (Kedi, kedi), by English rules in one that lowercases (Işık, ışık)

    Examples are groups of the second kind. A tokenizer without a normaliser loses nothing. The figures are this
    project's own; that uncased BERTs strip accents is in google-research/bert's tokenization.py.
    """
    normalizer = tokenizer.backend_tokenizer.normalizer
    normalized = {word: normalizer.normalize_str(word) if normalizer else word for word in words}
    groups: dict[str, list[str]] = defaultdict(list)
    same_letters: dict[str, list[str]] = defaultdict(list)
    for word, made in normalized.items():
        groups[made].append(word)
        same_letters[lower(word)].append(made)
    splits = sum(len(made) for made in same_letters.values() if len(set(made)) > 1)
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
