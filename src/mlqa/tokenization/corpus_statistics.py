"""What a tokenizer does to the words of a corpus: fertility, continued words, unknown tokens, use of its vocabulary.

By default a word is a maximal run of Unicode word characters (`WORD`): "Ankara'nın" is two words, punctuation is no
word and its tokens are not counted, and a combining mark ends a word (normalize NFD text to NFC first to avoid that).
With `WHITESPACE_WORD` a word is a run of anything but white space, punctuation included. Fertility is then higher by a
quarter or so, and equals tokens per word of the running text if the tokenizer never merges across white space. Only
compare figures that use the same definition.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from mlqa.errors import DataError
from mlqa.tokenization.encoding import encode_words, require_fast_tokenizer

WORD = r"\w+"
WHITESPACE_WORD = r"\S+"
RENYI_ALPHA = 2.5  # the order that Zouhar et al. 2023 found to predict BLEU best


def count_words(texts: Iterable[str], word_pattern: str = WORD) -> Counter[str]:
    """Count the words of texts.

    Args:
        texts: The corpus.
        word_pattern: A regular expression that matches one word.

    Returns:
        {word: number of occurrences}, most frequent first.
    """
    counted: Counter[str] = Counter()
    pattern = re.compile(word_pattern)
    for text in texts:
        counted.update(pattern.findall(text))
    return Counter(dict(counted.most_common()))


def compute_corpus_statistics(
    tokenizer: Any, counted: Mapping[str, int], split: Callable[[str], list[str]] | None = None
) -> dict[str, float]:
    """Compute a tokenizer's figures over the words of a corpus.

    Each distinct word is tokenized once, as `mlqa.tokenization.encoding.encode_words` does it, and weighted by its
    count.

    Args:
        tokenizer: A fast tokenizer.
        counted: {word: number of occurrences}, as `count_words` returns it.
        split: Splits one of these into the words of a language that is written without spaces. They join to it. It
            decides what a word is for words, fertility and continued_words.

    Returns:
        The figures by name:

        - vocab_size: Entries of the vocabulary, added tokens included.
        - words: Running words.
        - word_types: Distinct words. Case matters.
        - fertility: Tokens per word (Rust et al. 2021, arXiv 2012.15613, and Ács 2019).
        - continued_words: Share (0-1) of the words that are split into two tokens or more (same source).
        - unk_rate: Share (0-1) of the words' tokens that are the unknown token, 0 if the tokenizer has none.
        - single_token_retention: Share (0-1) of the word types that are one known token (Nayeem et al. 2025, arXiv
          2510.09947).
        - characters_per_token: Code points of the words per token (Limisiewicz et al. 2023, arXiv 2305.17179).
        - renyi_efficiency: How evenly the tokens that occur are used (0-1), see `compute_renyi_efficiency`.

    Raises:
        ModelError: If the tokenizer is slow.
        DataError: If there is no word.
    """
    require_fast_tokenizer(tokenizer)
    if not counted:
        raise DataError("the texts hold no word, so a tokenizer cannot be measured on them; give texts with words")
    encoded = encode_words(tokenizer, list(counted))
    ids = encoded.ids
    types = len(counted)
    counts = np.fromiter(counted.values(), dtype=np.int64, count=types)
    lengths = np.fromiter(map(len, ids), dtype=np.int64, count=types)
    characters = np.fromiter(map(len, counted), dtype=np.int64, count=types)
    of_tokens = np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=int(lengths.sum()))
    unknown = of_tokens == (-1 if tokenizer.unk_token_id is None else tokenizer.unk_token_id)
    unknowns = np.bincount(np.repeat(np.arange(types), lengths)[unknown], minlength=types)
    used = np.bincount(of_tokens, weights=np.repeat(counts, lengths)) if len(of_tokens) else np.zeros(1)

    inside, continued = np.ones(types, dtype=np.int64), lengths >= 2  # words in each, and how many of them are split
    if split is not None:
        parts = [split(word) for word in encoded.words]
        inside = np.fromiter(map(len, parts), dtype=np.int64, count=types)
        cut = [_count_split_words(*pair) for pair in zip(parts, encoded.cuts, strict=True)]
        continued = np.where(inside == 1, continued, cut)
    words, tokens = int(counts @ inside), max(int(counts @ lengths), 1)
    return {
        "vocab_size": len(tokenizer),
        "words": words,
        "word_types": types,
        "fertility": int(counts @ lengths) / words,
        "continued_words": int(counts @ continued) / words,
        "unk_rate": int(counts @ unknowns) / tokens,
        "single_token_retention": float(((lengths == 1) & (unknowns == 0)).mean()),
        "characters_per_token": int(counts @ characters) / tokens,
        "renyi_efficiency": compute_renyi_efficiency(used[used > 0]),
    }


def _count_split_words(words: list[str], cuts: Sequence[int]) -> int:
    """Return how many words of a stretch of text have a token that begins inside them."""
    ends = np.cumsum([len(word) for word in words])
    inner = np.setdiff1d(np.asarray(cuts, dtype=np.int64), ends)
    return len(np.unique(np.searchsorted(ends, inner, side="right")))


def compute_renyi_efficiency(counts: np.ndarray, alpha: float = RENYI_ALPHA) -> float:
    """Compute the Rényi efficiency of a distribution of tokens: H(p) / ln n over n token types with shares p.

    H is the Rényi entropy of order `alpha`, ln(sum p^alpha) / (1 - alpha). The formula and the order 2.5 are those of
    Zouhar et al. 2023 (arXiv 2306.16842) and their tokenization-scorer. The figure can be raised without any use to a
    task (Cognetta et al. 2024, arXiv 2402.14614).

    Args:
        counts: Occurrences of each token type [n], all above 0.
        alpha: The order of the entropy.

    Returns:
        A number from 0 to 1, and 1 for a single type.
    """
    if len(counts) < 2:
        return 1.0
    shares = counts / counts.sum()
    return float(np.log((shares**alpha).sum()) / (1 - alpha) / np.log(len(shares)))
