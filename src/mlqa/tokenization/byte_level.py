"""The characters by which byte-level BPE writes bytes."""

from __future__ import annotations

from functools import cache


@cache
def list_byte_characters() -> dict[str, int]:
    """Return the byte that each character stands for.

    GPT-2's table (github.com/openai/gpt-2, encoder.py): bytes that are printable in Latin-1 stand for themselves, the
    others for the code points from 256 on, in order.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


def read_bytes(piece: str) -> str | None:
    """Return the text that a piece of byte-level BPE stands for, None if it is no whole text."""
    table = list_byte_characters()
    try:
        return bytes(table[character] for character in piece).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return None
