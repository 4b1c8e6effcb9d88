"""What a tokenizer does to the words of a corpus: fertility, continued words, unknown tokens.

A word is a maximal run of Unicode word characters (`WORD`): "Ankara'nın" is two words, punctuation is none
and its tokens are not counted, and a combining mark ends a word (bring NFD text to NFC first to avoid that).
With `WHITESPACE_WORD` it is what stands between white space, punctuation and all; fertility is then higher
by a quarter or so, and for tokenizers that never merge across white space it is tokens / words of the
running text. Compare figures of one definition only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from mlqa.errors import DataError, ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WORD = r"\w+"
WHITESPACE_WORD = r"\S+"
_PROBES = 16


def corpus_statistics(
    tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], word_pattern: str = WORD
) -> dict[str, float]:
    """Figures of a fast tokenizer over all words of `texts`, repeated words counted as often as they stand.

    `word_pattern` is the regular expression whose matches are the words.

    vocab_size       entries of the vocabulary, added tokens included
    words            running words; word_types: distinct ones (case matters)
    fertility        tokens per word (Rust et al. 2021, arXiv 2012.15613; Ács 2019)
    continued_words  share (0-1) of the words that are split into two tokens or more (same source)
    unk_rate         share (0-1) of the words' tokens that are the unknown token; 0 where there is none

    Each distinct word is tokenized once, alone, in the form it has in running text (see `_prefix`). Where a
    tokenizer merges across words or splits a word by its neighbours, the figures are those of the word alone.
    Raises ModelError for a slow tokenizer, DataError where `texts` hold no word.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"{type(tokenizer).__name__} is a slow tokenizer, without the character offsets that answers"
            " are cut by: choose a model that has a fast one (a tokenizer.json)"
        )
    counted: Counter[str] = Counter()
    pattern = re.compile(word_pattern)
    for text in texts:
        counted.update(match.group() for match in pattern.finditer(text))
    if not counted:
        raise DataError("the texts hold no word: there is nothing to take a tokenizer's statistics of")

    prefix = _prefix(tokenizer, [word for word, _ in counted.most_common(_PROBES)])
    pieces = _token_ids(tokenizer, [prefix + word for word in counted])
    counts = np.fromiter(counted.values(), dtype=np.int64, count=len(counted))
    lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(counted))
    unknown_id = tokenizer.unk_token_id
    unknowns = np.fromiter((ids.count(unknown_id) for ids in pieces), dtype=np.int64, count=len(counted))

    words = int(counts.sum())
    tokens = int(counts @ lengths)
    return {
        "vocab_size": len(tokenizer),
        "words": words,
        "word_types": len(counted),
        "fertility": tokens / words,
        "continued_words": int(counts @ (lengths >= 2)) / words,
        "unk_rate": int(counts @ unknowns) / max(tokens, 1),
    }


def _prefix(tokenizer: PreTrainedTokenizerBase, words: list[str]) -> str:
    """A space or nothing: what to put before a lone word so that it gets the tokens it has after another.

    WordPiece does not care. Byte-level BPE (" word" is one Ġ-piece, "word" another) and a SentencePiece model
    whose Metaspace adds no prefix need the space. Where a normalizer prepends ▁ unconditionally (older Llama)
    a space would make a second ▁. So ask the tokenizer, with the corpus' own words: the space, unless the
    bare form is right more often.
    """
    alone = _token_ids(tokenizer, words)
    spaced = _token_ids(tokenizer, [" " + word for word in words])
    twice = _token_ids(tokenizer, [f"{word} {word}" for word in words])
    rest = [both[len(first) :] for both, first in zip(twice, alone, strict=True)]
    votes_spaced = sum(ids == tail for ids, tail in zip(spaced, rest, strict=True))
    votes_alone = sum(ids == tail for ids, tail in zip(alone, rest, strict=True))
    return "" if votes_alone > votes_spaced else " "


def _token_ids(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    """Ids per text, without special tokens. Through the tokenizer, not its backend: that one may still be
    set to pad or truncate from an earlier call, and only the tokenizer resets it."""
    encoded = tokenizer(
        texts,
        add_special_tokens=False,
        padding=False,
        truncation=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )
    ids: list[list[int]] = encoded["input_ids"]
    return ids
