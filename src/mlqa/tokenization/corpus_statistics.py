"""What a tokenizer does to the words of a corpus: fertility, continued words, unknown tokens, use of its vocabulary.

A word is a maximal run of Unicode word characters (`WORD`): "Ankara'nın" is two words, punctuation is none
and its tokens are not counted, and a combining mark ends a word (bring NFD text to NFC first to avoid that).
With `WHITESPACE_WORD` it is what stands between white space, punctuation and all; fertility is then higher
by a quarter or so, and for tokenizers that never merge across white space it is tokens / words of the
running text. Compare figures of one definition only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np

from mlqa.errors import DataError
from mlqa.tokenization.encoding import encode_words, require_fast_tokenizer

WORD = r"\w+"
WHITESPACE_WORD = r"\S+"
RENYI_ALPHA = 2.5  # the order that Zouhar et al. 2023 found to predict BLEU best


def count_words(texts: Iterable[str], word_pattern: str = WORD) -> Counter[str]:
    """{word: how often it stands in `texts`}, most frequent first; words are the matches of `word_pattern`."""
    counted: Counter[str] = Counter()
    pattern = re.compile(word_pattern)
    for text in texts:
        counted.update(pattern.findall(text))
    return Counter(dict(counted.most_common()))


def compute_corpus_statistics(tokenizer: Any, counted: Mapping[str, int]) -> dict[str, float]:
    """Figures of a fast tokenizer over words as `count_words` counts them, each as often as it stands.

    vocab_size              entries of the vocabulary, added tokens included
    words                   running words; word_types: distinct ones (case matters)
    fertility               tokens per word (Rust et al. 2021, arXiv 2012.15613; Ács 2019)
    continued_words         share (0-1) of the words that are split into two tokens or more (same source)
    unk_rate                share (0-1) of the words' tokens that are the unknown token; 0 where there is none
    single_token_retention  share (0-1) of the word types that are one token, and not the unknown one (Nayeem et al.
                            2025, arXiv 2510.09947)
    characters_per_token    code points of the words per token (Limisiewicz et al. 2023, arXiv 2305.17179)
    renyi_efficiency        0-1, how evenly the tokens that occur are used: H(p) / ln n over the n token types of the
                            corpus with shares p, H the Rényi entropy of order 2.5, ln(sum p^2.5) / (1 - 2.5) (Zouhar
                            et al. 2023, arXiv 2306.16842, and their tokenization-scorer). It can be raised without use
                            to any task (Cognetta et al. 2024, arXiv 2402.14614)

    Each distinct word is tokenized once: see `mlqa.tokenization.encoding.encode_words`.
    Raises ModelError for a slow tokenizer, DataError where there is no word.
    """
    require_fast_tokenizer(tokenizer)
    if not counted:
        raise DataError("the texts hold no word: there is nothing to take a tokenizer's statistics of")
    ids = encode_words(tokenizer, list(counted)).ids
    types = len(counted)
    counts = np.fromiter(counted.values(), dtype=np.int64, count=types)
    lengths = np.fromiter(map(len, ids), dtype=np.int64, count=types)
    characters = np.fromiter(map(len, counted), dtype=np.int64, count=types)
    of_tokens = np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=int(lengths.sum()))
    unknown = of_tokens == (-1 if tokenizer.unk_token_id is None else tokenizer.unk_token_id)
    unknowns = np.bincount(np.repeat(np.arange(types), lengths)[unknown], minlength=types)
    used = np.bincount(of_tokens, weights=np.repeat(counts, lengths)) if len(of_tokens) else np.zeros(1)

    words, tokens = int(counts.sum()), max(int(counts @ lengths), 1)
    return {
        "vocab_size": len(tokenizer),
        "words": words,
        "word_types": types,
        "fertility": int(counts @ lengths) / words,
        "continued_words": int(counts @ (lengths >= 2)) / words,
        "unk_rate": int(counts @ unknowns) / tokens,
        "single_token_retention": float(((lengths == 1) & (unknowns == 0)).mean()),
        "characters_per_token": int(counts @ characters) / tokens,
        "renyi_efficiency": compute_renyi_efficiency(used[used > 0]),
    }


def compute_renyi_efficiency(counts: np.ndarray, alpha: float = RENYI_ALPHA) -> float:
    """Rényi efficiency (0-1) of token types with these counts, all above 0; 1 for a single type. See above."""
    if len(counts) < 2:
        return 1.0
    shares = counts / counts.sum()
    return float(np.log((shares**alpha).sum()) / (1 - alpha) / np.log(len(shares)))
