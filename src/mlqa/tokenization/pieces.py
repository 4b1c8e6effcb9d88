"""The pieces of a vocabulary as a person reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mlqa.tokenization.byte_level import list_byte_characters

SPACE = "␣"  # a space in a piece of byte-level BPE, which its vocabulary writes as Ġ
_BYTE = re.compile(r"<(?:0x)?[0-9A-F]{2}>")
_MARKS = re.compile(rf"^(?:##|▁|{SPACE})|</w>$|@@$")


def write_tokens(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """Return tokens as the vocabulary writes them, but the bytes of byte-level BPE as the letters that they stand for.

    There a space is ␣, and bytes that are no whole letter are numbers, such as <C4>.

    Args:
        tokenizer: A fast tokenizer.
        ids: Ids of tokens.
    """
    tokens = list(tokenizer.convert_ids_to_tokens(list(ids)))
    if not _writes_bytes(tokenizer):
        return tokens
    special = set(tokenizer.all_special_tokens)
    return [token if token in special else read_byte_piece(token) for token in tokens]


def read_byte_piece(piece: str) -> str:
    """Return the text of a piece of byte-level BPE, with numbers for the bytes of letters that it has only in part."""
    table = list_byte_characters()
    if not all(character in table for character in piece):
        return piece
    text = bytes(table[character] for character in piece).decode("utf-8", "surrogateescape")
    return "".join(f"<{ord(c) - 0xDC00:02X}>" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text).replace(" ", SPACE)


def strip_marks(token: str) -> str:
    """Return a token without the mark of its place in the word: ##leri, ▁Ke and ␣Ke become leri, Ke and Ke."""
    return _MARKS.sub("", token)


def is_single_letter(text: str) -> bool:
    """Return whether a token without marks is one letter, or one byte of a letter, such as <C4> and <0xC4>."""
    return (len(text) == 1 and text.isalpha()) or bool(_BYTE.fullmatch(text))


def _writes_bytes(tokenizer: Any) -> bool:
    backend = tokenizer.backend_tokenizer
    parts = (backend.normalizer, backend.pre_tokenizer)
    return any(b"ByteLevel" in bytes(part.__getstate__()) for part in parts if part is not None)
