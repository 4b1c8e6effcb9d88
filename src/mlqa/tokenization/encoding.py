"""Words as a tokenizer cuts them in running text: their ids, and where inside the word a token begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.errors import ModelError

_PROBES = 16


@dataclass(frozen=True)
class EncodedWords:
    """One entry a word: its token ids, and its cuts, the characters (0 < cut < length, rising) at which a token begins.

    Several tokens may share a character (bytes of one letter), so that a word may have more ids than cuts + 1.
    """

    words: list[str]
    ids: list[list[int]]
    cuts: list[tuple[int, ...]]


def encode_words(tokenizer: Any, words: Sequence[str]) -> EncodedWords:
    """Each word tokenized alone, without special tokens, in the form it has after another word (see `_prefix`).

    Where a tokenizer merges across words or splits a word by its neighbours, this is what it does to the word alone.
    Raises ModelError for a slow tokenizer.
    """
    require_fast_tokenizer(tokenizer)
    words = list(words)
    prefix = _choose_prefix(tokenizer, words[:_PROBES])
    encoded = _encode_texts(tokenizer, [prefix + word for word in words], return_offsets_mapping=True)
    shift = len(prefix)
    cuts = [
        tuple(sorted({start - shift for start, _ in offsets if 0 < start - shift < len(word)}))
        for word, offsets in zip(words, encoded["offset_mapping"], strict=True)
    ]
    return EncodedWords(words, encoded["input_ids"], cuts)


def count_tokens(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """Tokens of each text, special ones not counted. Raises ModelError for a slow tokenizer."""
    require_fast_tokenizer(tokenizer)
    return [len(ids) for ids in _encode_texts(tokenizer, list(texts))["input_ids"]]


def require_fast_tokenizer(tokenizer: Any) -> None:
    """Raises ModelError for a tokenizer without character offsets."""
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"{type(tokenizer).__name__} is a slow tokenizer, without the character offsets that answers"
            " are cut by: choose a model that has a fast one (a tokenizer.json)"
        )


def _choose_prefix(tokenizer: Any, words: list[str]) -> str:
    """A space or nothing: what to put before a lone word so that it gets the tokens it has after another.

    WordPiece does not care. Byte-level BPE (" word" is one Ġ-piece, "word" another) and a SentencePiece model
    whose Metaspace adds no prefix need the space. Where a normalizer prepends ▁ unconditionally (older Llama)
    a space would make a second ▁. So ask the tokenizer, with the words themselves: the space, unless the
    bare form is right more often.
    """
    alone = _encode_texts(tokenizer, words)["input_ids"]
    spaced = _encode_texts(tokenizer, [" " + word for word in words])["input_ids"]
    twice = _encode_texts(tokenizer, [f"{word} {word}" for word in words])["input_ids"]
    rest = [both[len(first) :] for both, first in zip(twice, alone, strict=True)]
    votes_spaced = sum(ids == tail for ids, tail in zip(spaced, rest, strict=True))
    votes_alone = sum(ids == tail for ids, tail in zip(alone, rest, strict=True))
    return "" if votes_alone > votes_spaced else " "


def _encode_texts(tokenizer: Any, texts: list[str], **options: Any) -> Any:
    """Through the tokenizer, not its backend: that one may still be set to pad or truncate from an earlier call, and
    only the tokenizer resets it."""
    if not texts:
        return {"input_ids": [], "offset_mapping": []}
    return tokenizer(
        texts,
        add_special_tokens=False,
        padding=False,
        truncation=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
        **options,
    )
