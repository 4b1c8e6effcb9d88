"""Words as a tokenizer splits them in running text: their ids, and the characters that begin a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.errors import ModelError
from mlqa.tokenization.offsets import flatten_offsets

_PROBES = 16


@dataclass(frozen=True)
class EncodedWords:
    """Tokenized words, one entry per word.

    Attributes:
        words: The words.
        ids: The token ids of each word.
        cuts: The characters of each word (0 < cut < length, ascending) that begin a token. A word may have more ids
            than cuts + 1, because several tokens may share a character, as the bytes of one letter do.
    """

    words: list[str]
    ids: list[list[int]]
    cuts: list[tuple[int, ...]]


def encode_words(tokenizer: Any, words: Sequence[str]) -> EncodedWords:
    """Tokenize each word alone, without special tokens, in the form that it has after another word.

    If a tokenizer merges across words, or splits a word by its neighbours, this is how it treats the word alone.

    Args:
        tokenizer: A fast tokenizer.
        words: The words.

    Raises:
        ModelError: If the tokenizer is slow.
    """
    require_fast_tokenizer(tokenizer)
    words = list(words)
    prefix = _choose_prefix(tokenizer, words[:_PROBES])
    texts = [prefix + word for word in words]
    encoded = _encode_texts(tokenizer, texts, return_offsets_mapping=True)
    first, starts, _ = flatten_offsets(texts, encoded["offset_mapping"])
    shift, begins, bounds = len(prefix), starts.tolist(), first.tolist()
    cuts = [
        tuple(sorted({start - shift for start in begins[begin:end] if 0 < start - shift < len(word)}))
        for word, begin, end in zip(words, bounds, bounds[1:], strict=False)
    ]
    return EncodedWords(words, encoded["input_ids"], cuts)


def count_tokens(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """Count the tokens of each text, without special tokens.

    Args:
        tokenizer: A fast tokenizer.
        texts: The texts.

    Raises:
        ModelError: If the tokenizer is slow.
    """
    require_fast_tokenizer(tokenizer)
    return [len(ids) for ids in _encode_texts(tokenizer, list(texts))["input_ids"]]


def require_fast_tokenizer(tokenizer: Any) -> None:
    """Raise ModelError if a tokenizer is slow, that is, if it reports no character offsets."""
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"{type(tokenizer).__name__} is a slow tokenizer, without the character offsets that locate answers:"
            " choose a model that has a fast one (a tokenizer.json)"
        )


def _choose_prefix(tokenizer: Any, words: list[str]) -> str:
    """Choose a space or nothing to put before a lone word, so that it gets the tokens it has after another word.

    WordPiece gives the same tokens either way. Byte-level BPE (" word" is one Ġ-piece, "word" another) and a
    SentencePiece model whose Metaspace adds no prefix need the space. If a normalizer always prepends ▁ (older Llama),
    a space would become a second ▁. So this asks the tokenizer with the words themselves, and chooses the space unless
    the bare form is right more often.
    """
    alone = _encode_texts(tokenizer, words)["input_ids"]
    spaced = _encode_texts(tokenizer, [" " + word for word in words])["input_ids"]
    twice = _encode_texts(tokenizer, [f"{word} {word}" for word in words])["input_ids"]
    rest = [both[len(first) :] for both, first in zip(twice, alone, strict=True)]
    votes_spaced = sum(ids == tail for ids, tail in zip(spaced, rest, strict=True))
    votes_alone = sum(ids == tail for ids, tail in zip(alone, rest, strict=True))
    return "" if votes_alone > votes_spaced else " "


def _encode_texts(tokenizer: Any, texts: list[str], **options: Any) -> Any:
    """Encode through the tokenizer, not its backend.

    An earlier call may have left the backend set to pad or truncate, and only the tokenizer resets it.
    """
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
