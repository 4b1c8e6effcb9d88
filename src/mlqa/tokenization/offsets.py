"""Make character offsets of tokens cover the text that the tokens stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

_NO_LETTER = 48  # code points below are white space, controls and punctuation


def flatten_offsets(
    texts: Sequence[str], offsets: Iterable[Sequence[tuple[int, int]]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the offsets that a tokenizer reports as arrays, corrected where they miss letters.

    Some tokenizers report a token one character too late, as RobBERT's does for each word: it splits at white space
    before it adds the space of byte-level BPE (EuroEval/EuroEval#2171). Letters and digits between the end of a token
    and the start of the next one belong to the latter. Neither starts nor ends descend within a text.

    Args:
        texts: The texts.
        offsets: The offsets of each text's tokens.

    Returns:
        Index of the first token of each text, and the number of tokens, int64 [texts + 1]. Offset of each token's first
        character in its text, and offset after its last one, int32 [tokens].
    """
    offsets = list(offsets)
    lengths = np.fromiter(map(len, offsets), np.int64, len(offsets))
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    pairs = chain.from_iterable(chain.from_iterable(offsets))
    both = np.fromiter(pairs, np.int32, 2 * int(first[-1])).reshape(-1, 2)
    starts, ends = both[:, 0].copy(), both[:, 1].copy()
    text_of = np.repeat(np.arange(len(texts)), lengths)
    _reach_back_over_letters(texts, text_of, starts, ends)
    descends = (text_of[1:] == text_of[:-1]) & ((starts[1:] < starts[:-1]) | (ends[1:] < ends[:-1]))
    for text in np.unique(text_of[1:][descends]).tolist():
        part = slice(first[text], first[text + 1])
        starts[part] = np.minimum.accumulate(starts[part][::-1])[::-1]
        ends[part] = np.maximum.accumulate(ends[part])
    return first, starts, ends


def _reach_back_over_letters(texts: Sequence[str], text_of: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
    """Move the starts of tokens back over letters and digits that no token covers, in place."""
    if not len(starts):
        return
    previous = np.concatenate([[0], np.where(text_of[1:] == text_of[:-1], ends[:-1], 0)])
    gap = np.flatnonzero(starts > previous)
    joined = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    begins = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    before = joined[begins[text_of[gap]] + starts[gap] - 1]
    for token in gap[(before >= _NO_LETTER) | (starts[gap] == ends[gap])].tolist():
        text, start = texts[text_of[token]], int(starts[token])
        is_empty = start == ends[token]  # then it may also stand for a sign, such as an emoji
        while start > previous[token] and (text[start - 1].isalnum() or (is_empty and not text[start - 1].isspace())):
            start -= 1
        starts[token] = start
