"""Facts about writing systems for comparing texts: apostrophes, dotted and dotless i, scripts without spaces."""

from __future__ import annotations

import re
import unicodedata

# All forms of the apostrophe: ' ` ´ ʻ ʼ ‘ ’ ＇. Unicode classifies some of them as letters or symbols.
APOSTROPHES = "'\u0060\u00b4\u02bb\u02bc\u2018\u2019\uff07"
ONE_APOSTROPHE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))  # for str.translate

# The two entries of status T in Unicode's CaseFolding.txt, for languages with a dotted and a dotless i.
TURKIC = str.maketrans({"I": "ı", "İ": "i"})

# Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han and their extensions, by Unicode block.
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x19E0, 0x19FF), (0x3005, 0x3007), (0x3040, 0x30FF),
    (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F), (0x20000, 0x3FFFF),
)  # fmt: skip
ANY_UNSPACED = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _UNSPACED) + "]")


def lower(text: str, dotted_i: bool) -> str:
    """Lower a text letter by letter, so that it keeps its length and offsets into it stay valid.

    Args:
        text: Any text.
        dotted_i: Whether I becomes ı and İ becomes i, as in Turkish.
    """
    if dotted_i:
        text = text.translate(TURKIC)
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


def insert_spaces(text: str) -> str:
    """Surround each character of an unspaced script, with the marks on it, by spaces. Digits stay together."""
    if not ANY_UNSPACED.search(text):
        return text
    pieces: list[str] = []
    open_cluster = False
    for letter in text:
        if open_cluster and unicodedata.category(letter)[0] == "M":
            pieces.append(letter)
            continue
        alone = bool(ANY_UNSPACED.match(letter)) and unicodedata.category(letter)[0] in "LM"
        if alone or open_cluster:
            pieces.append(" ")
        pieces.append(letter)
        open_cluster = alone
    return "".join(pieces)
