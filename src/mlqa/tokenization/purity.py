"""%TR and %Pure of Bayram et al. 2025 (arXiv 2502.07057): how many of a tokenizer's distinct tokens mean something.

They ask a web service and a list for what is a Turkish word, root or affix. Here the language's analyzer is asked, and
the morphemes of the corpus's own words are the list, so figures are comparable with each other, not with the paper's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from mlqa.tokenization.pieces import strip_marks, write_tokens
from mlqa.tokenization.readings import Lexicon, Reading

MOST_TOKENS = 1000  # distinct tokens to look up, spread evenly over the vocabulary: a second


def judge_tokens(
    tokenizer: Any, used: Collection[int], readings: Iterable[Reading], lexicon: Lexicon
) -> dict[str, np.ndarray]:
    """Tell which tokens are words, and which are roots or affixes.

    Args:
        tokenizer: A fast tokenizer.
        used: Distinct ids that occur in the corpus, ascending. `MOST_TOKENS` of them are looked up.
        readings: Of words of the corpus. Their morphemes are roots and affixes.
        lexicon: Of a language that has an analyzer.

    Returns:
        {"language", "pure": bool [tokens]} over tokens with a letter: whether the token is a word, root or affix of the
        language, and whether it is a root or affix, not several of them.

    Raises:
        Exception: If the analyzer fails, whatever its error.
    """
    special = set(tokenizer.all_special_ids)
    ids = [index for index in used if index not in special]
    texts = [strip_marks(token) for token in write_tokens(tokenizer, ids[:: -(-len(ids) // MOST_TOKENS) or 1])]
    texts = [text for text in texts if any(letter.isalpha() for letter in text)]
    morphemes = {lexicon.fold(surface).text for reading in readings for surface in reading.surfaces}
    verdicts = []
    for text in texts:
        found = lexicon.find(text).readings if lexicon.fold(text).text not in morphemes else None
        is_pure = found is None or any(len(reading.parts) == 1 for reading in found)
        verdicts.append((is_pure or bool(found), is_pure))
    table = np.array(verdicts, dtype=bool).reshape(-1, 2)
    return {"language": table[:, 0], "pure": table[:, 1]}
