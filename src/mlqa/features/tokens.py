"""Tokenize texts into ids and character offsets, as flat integer arrays."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np

from mlqa.data.examples import Examples
from mlqa.tokenization.encoding import require_fast_tokenizer
from mlqa.tokenization.offsets import flatten_offsets

# Characters to tokenize at a time. This bounds the memory of the tokenizer's own objects, some 100 bytes per character.
CHUNK = 2**20
# All combining marks are in this range. Few characters of a text are, so one fast search finds the candidates.
_FROM_FIRST_MARK = re.compile("[\u0300-\U0010ffff]")


@dataclass(frozen=True)
class Tokens:
    """Texts as flat token ids: text t is `ids[first[t]:first[t + 1]]`.

    Any array may be mapped from a file, read-only.

    Attributes:
        ids: Token ids, int32 [tokens].
        first: Index of the first token of each text, and the number of tokens, int64 [texts + 1].
        starts: Offset of each token's first character in its text, int32 [tokens].
        ends: Offset after each token's last character, int32 [tokens].
    """

    ids: np.ndarray
    first: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text [texts]."""
        return np.diff(self.first)

    def select(self, texts: np.ndarray) -> Tokens:
        """Return the given texts, in the given order."""
        lengths = self.lengths[texts]
        first = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(first[-1]) + np.repeat(self.first[texts] - first[:-1], lengths)
        return Tokens(self.ids[places], first, self.starts[places], self.ends[places])


NO_TOKENS = Tokens(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32))


def tokenize(tokenizer: Any, texts: Sequence[str]) -> Tokens:
    """Tokenize each text, without special tokens, truncation or padding.

    Args:
        tokenizer: A fast tokenizer of transformers.
        texts: The texts.

    Returns:
        Token ids and character offsets of each text.

    Raises:
        ModelError: If the tokenizer is slow.
    """
    return concatenate_tokens(tokenize_in_chunks(prepare_backend(tokenizer), texts))


def tokenize_in_chunks(backend: Any, texts: Sequence[str]) -> Iterator[Tokens]:
    """Tokenize as `tokenize` does, and yield the texts in chunks of about CHUNK characters.

    Args:
        backend: A tokenizer, as returned by `prepare_backend`.
        texts: The texts.

    Yields:
        The tokens of the next texts, at least one.
    """
    begin = 0
    while begin < len(texts):
        end, characters = begin, 0
        while end < len(texts) and (end == begin or characters + len(texts[end]) <= CHUNK):
            characters += len(texts[end])
            end += 1
        yield _flatten_encodings(texts[begin:end], backend.encode_batch(texts[begin:end], add_special_tokens=False))
        begin = end


def concatenate_tokens(parts: Iterable[Tokens]) -> Tokens:
    """Concatenate the texts of all parts."""
    parts = [NO_TOKENS, *parts]
    flat = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Tokens)}
    lengths = np.concatenate([part.lengths for part in parts])
    return Tokens(**{**flat, "first": np.concatenate([NO_TOKENS.first, np.cumsum(lengths)])})


def _flatten_encodings(texts: Sequence[str], encodings: Sequence[Any]) -> Tokens:
    first, starts, ends = flatten_offsets(texts, (encoding.offsets for encoding in encodings))
    for number, text in enumerate(texts):
        if any(map(unicodedata.combining, _FROM_FIRST_MARK.findall(text))):
            part = slice(first[number], first[number + 1])
            ends[part] = [_skip_marks(text, end) for end in ends[part].tolist()]
    ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), np.int32, int(first[-1]))
    return Tokens(ids, first, starts, ends)


def _skip_marks(text: str, end: int) -> int:
    """Return a token's end after the marks of its last letter. Tokenizers that compose letters leave the marks out."""
    while 0 < end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return end


def prepare_backend(tokenizer: Any) -> Any:
    """Return the Rust tokenizer behind a fast one, with truncation and padding off.

    Raises:
        ModelError: If the tokenizer is slow.
    """
    require_fast_tokenizer(tokenizer)
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return backend


def truncate_tokens(tokens: Tokens, longest: int) -> tuple[Tokens, int]:
    """Return the texts with at most `longest` tokens each, and the number of texts that were cut."""
    lengths = tokens.lengths
    if lengths.max(initial=0) <= longest:
        return tokens, 0
    position = np.arange(len(tokens.ids)) - np.repeat(tokens.first[:-1], lengths)
    keep = position < longest
    first = np.concatenate([[0], np.cumsum(np.minimum(lengths, longest))])
    kept = Tokens(tokens.ids[keep], first, tokens.starts[keep], tokens.ends[keep])
    return kept, int((lengths > longest).sum())


def locate_gold_tokens(examples: Examples, context: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """Locate the tokens of each row's first gold answer.

    Args:
        examples: The rows.
        context: Tokens of `examples.contexts`.

    Returns:
        First and last token as indices into `context.ids` [rows]. They are 0 and -1 if a row has no answer, or if the
        tokens do not cover it.
    """
    row = np.fromiter((row for row, golds in enumerate(examples.answers) if golds), np.int64)
    start = np.fromiter((golds[0].start for golds in examples.answers if golds), np.int64, len(row))
    end = np.fromiter((golds[0].end for golds in examples.answers if golds), np.int64, len(row))
    begin, stop = context.first[examples.context_of[row]], context.first[examples.context_of[row] + 1]
    token = _find_first_reaching(context.starts, begin, stop, start + 1) - 1
    final = _find_first_reaching(context.ends, begin, stop, end)
    # Several tokens may share a character, as the bytes of a letter do. An answer of one such character begins, by this
    # search, at the last of them and ends at the first.
    token, final = np.minimum(token, final), np.maximum(token, final)
    covered = (token >= begin) & (final < stop)
    first = np.zeros(len(examples), dtype=np.int64)
    last = np.full(len(examples), -1, dtype=np.int64)
    first[row[covered]], last[row[covered]] = token[covered], final[covered]
    return first, last


def _find_first_reaching(values: np.ndarray, begin: np.ndarray, stop: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Find the first index in begin ... stop - 1 with a value of at least `target`, else `stop`, for each row.

    Values must ascend within each range. All rows are bisected at once.
    """
    low, high = begin.copy(), stop.copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        reaches = values[np.where(open_, middle, 0)] >= target
        high = np.where(open_ & reaches, middle, high)
        low = np.where(open_ & ~reaches, middle + 1, low)
    return np.asarray(low)
