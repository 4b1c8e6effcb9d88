"""How many more tokens one language needs than another for the same text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlqa.errors import DataError
from mlqa.tokenization.encoding import count_tokens


def compute_parity(tokenizer: Any, texts: Sequence[str], translations: Sequence[str]) -> float:
    """Tokens of `texts` per token of their `translations`, text by text the same content: 1 is parity, 2 means that the
    first language pays twice (the premium of Petrov et al. 2023, arXiv 2305.15425, over the sums of all pairs).

    Raises DataError where the texts are not as many as their translations, or hold no token.
    """
    if len(texts) != len(translations):
        raise DataError(f"{len(texts)} texts and {len(translations)} translations: give one a text")
    theirs = sum(count_tokens(tokenizer, translations))
    if not theirs:
        raise DataError("the parallel texts hold no token: there is no parity of nothing")
    return sum(count_tokens(tokenizer, texts)) / theirs
