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
from typing import Any, NamedTuple

import numpy as np

from mlqa.errors import DataError
from mlqa.tokenization.encoding import encode_words, require_fast_tokenizer
from mlqa.tokenization.pieces import is_single_letter, strip_marks, write_tokens

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


class CorpusCounts(NamedTuple):
    """What a tokenizer does to each word type of a corpus.

    Attributes:
        occurrences: How often each type occurs, int64 [types].
        columns: {name: float [types]}, for one occurrence of each type: `words` in it, `continued` ones, `tokens`,
            `unknown` tokens, tokens that are one letter or a byte of one (`single`), `characters`.
        kept_whole: Whether the type is one known token, bool [types].
        used: Occurrences of each token id, float [ids].
        vocabulary: Entries of the vocabulary, added tokens included.
    """

    occurrences: np.ndarray
    columns: dict[str, np.ndarray]
    kept_whole: np.ndarray
    used: np.ndarray
    vocabulary: int


def compute_corpus_statistics(
    tokenizer: Any, counted: Mapping[str, int], split: Callable[[str], list[str]] | None = None
) -> dict[str, float]:
    """Compute a tokenizer's figures over the words of a corpus.

    Args:
        tokenizer: A fast tokenizer.
        counted: {word: number of occurrences}, as `count_words` returns it.
        split: Of `count_corpus`.

    Returns:
        The figures of `describe_corpus`.

    Raises:
        ModelError: If the tokenizer is slow.
        DataError: If there is no word.
    """
    return describe_corpus(count_corpus(tokenizer, counted, split))


def count_corpus(
    tokenizer: Any, counted: Mapping[str, int], split: Callable[[str], list[str]] | None = None
) -> CorpusCounts:
    """Count what a tokenizer does to the words of a corpus.

    Each distinct word is tokenized once, as `mlqa.tokenization.encoding.encode_words` does it.

    Args:
        tokenizer: A fast tokenizer.
        counted: {word: number of occurrences}, as `count_words` returns it.
        split: Splits one of these into the words of a language that is written without spaces. They join to it. It
            decides what a word is for words, fertility and continued_words.

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
    type_of = np.repeat(np.arange(types), lengths)
    unknown = of_tokens == (-1 if tokenizer.unk_token_id is None else tokenizer.unk_token_id)
    unknowns = np.bincount(type_of[unknown], minlength=types)
    used = np.bincount(of_tokens, weights=counts[type_of]) if len(of_tokens) else np.zeros(1)
    distinct = np.unique(of_tokens)
    texts = map(strip_marks, write_tokens(tokenizer, distinct.tolist()))
    short = distinct[np.array([is_single_letter(text) for text in texts], dtype=bool)]
    singles = np.bincount(type_of[np.isin(of_tokens, short)], minlength=types)

    inside, continued = np.ones(types, dtype=np.int64), lengths >= 2  # words in each, and how many of them are split
    if split is not None:
        parts = [split(word) for word in encoded.words]
        inside = np.fromiter(map(len, parts), dtype=np.int64, count=types)
        cut = [_count_split_words(*pair) if len(pair[0]) > 1 else 0 for pair in zip(parts, encoded.cuts, strict=True)]
        continued = np.where(inside == 1, continued, cut)
    columns = {
        "words": inside,
        "continued": continued,
        "tokens": lengths,
        "unknown": unknowns,
        "single": singles,
        "characters": characters,
    }
    floats = {name: column.astype(np.float64) for name, column in columns.items()}
    return CorpusCounts(counts, floats, (lengths == 1) & (unknowns == 0), used, len(tokenizer))


def describe_corpus(counts: CorpusCounts) -> dict[str, float]:
    """Return the figures of a corpus.

    Returns:
        Those of `summarize_corpus`, and:

        - vocab_size: Entries of the vocabulary, added tokens included.
        - vocabulary_use: Share (0-1) of these entries that occur in the corpus.
        - words: Running words.
        - word_types: Distinct words. Case matters.
        - single_token_retention: Share (0-1) of the word types that are one known token (Nayeem et al. 2025, arXiv
          2510.09947).
        - renyi_efficiency: How evenly the tokens that occur are used (0-1), see `compute_renyi_efficiency`.
    """
    sums = {name: float(counts.occurrences @ column) for name, column in counts.columns.items()}
    used = counts.used[counts.used > 0]
    return {
        "vocab_size": counts.vocabulary,
        "vocabulary_use": len(used) / counts.vocabulary,
        "words": int(sums["words"]),
        "word_types": len(counts.occurrences),
        **{name: float(value) for name, value in summarize_corpus(sums).items()},
        "single_token_retention": float(counts.kept_whole.mean()),
        "renyi_efficiency": compute_renyi_efficiency(used),
    }


def summarize_corpus(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Compute figures from sums over running words of the columns of `CorpusCounts`, which may be arrays of draws.

    Returns:
        - fertility: Tokens per word (Rust et al. 2021, arXiv 2012.15613, and Ács 2019).
        - continued_words: Share (0-1) of the words that are split into two tokens or more (same source).
        - unk_rate: Share (0-1) of the words' tokens that are the unknown token, 0 if the tokenizer has none.
        - single_characters: Share (0-1) of the words' tokens that are one letter or a byte of one, without the mark
          of their place.
        - characters_per_token: Code points of the words per token (Limisiewicz et al. 2023, arXiv 2305.17179).
    """
    tokens = np.maximum(sums["tokens"], 1)
    return {
        "fertility": sums["tokens"] / sums["words"],
        "continued_words": sums["continued"] / sums["words"],
        "unk_rate": sums["unknown"] / tokens,
        "single_characters": sums["single"] / tokens,
        "characters_per_token": sums["characters"] / tokens,
    }


def sum_by_text(
    counts: CorpusCounts, words: Sequence[str], texts: Iterable[str], pattern: str
) -> dict[str, np.ndarray]:
    """Sum the columns of `CorpusCounts` over the running words of each text.

    Args:
        counts: Of the corpus.
        words: Its word types, in the order of `counts`.
        texts: The texts of the corpus.
        pattern: Of `count_words`.

    Returns:
        {name: float [texts]}. Their sums give the figures of the whole corpus.
    """
    number = {word: index for index, word in enumerate(words)}
    matcher = re.compile(pattern)
    found = [[number[word] for word in matcher.findall(text)] for text in texts]
    flat = np.fromiter(chain.from_iterable(found), dtype=np.int64)
    text_of = np.repeat(np.arange(len(found)), [len(each) for each in found])
    return {
        name: np.bincount(text_of, weights=column[flat], minlength=len(found))
        for name, column in counts.columns.items()
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
