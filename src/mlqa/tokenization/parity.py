"""How many more tokens one language needs than another for the same text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlqa.errors import DataError
from mlqa.tokenization.encoding import count_tokens


def compute_parity(tokenizer: Any, texts: Sequence[str], translations: Sequence[str]) -> float:
    """Compute the tokens of texts per token of their translations.

    1 means parity, 2 means that the first language pays twice. This is the premium of Petrov et al. 2023 (arXiv
    2305.15425), over the sums of all pairs.

    Args:
        tokenizer: A fast tokenizer.
        texts: The texts.
        translations: The translation of each text.

    Raises:
        DataError: If the translations have no token.
    """
    theirs = sum(count_tokens(tokenizer, translations))
    if not theirs:
        raise DataError("the parallel texts have no token, so there is no parity; give texts with words")
    return sum(count_tokens(tokenizer, texts)) / theirs
