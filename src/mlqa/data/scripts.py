"""Facts of writing systems that comparing texts rests on: apostrophes, dotted and dotless i, scripts without spaces."""

from __future__ import annotations

import re

# All that stands for an apostrophe: ' ` ´ ʻ ʼ ‘ ’ ＇. Some of them are letters or symbols to Unicode.
APOSTROPHES = "'\u0060\u00b4\u02bb\u02bc\u2018\u2019\uff07"

# Languages in which dotted and dotless i are letters of their own, and the two entries of status T in Unicode's
# CaseFolding.txt that say so.
DOTTED_I = frozenset({"tr", "az"})
TURKIC = str.maketrans({"I": "ı", "İ": "i"})

# Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han and their extensions, by Unicode block.
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x19E0, 0x19FF), (0x3005, 0x3007), (0x3040, 0x30FF),
    (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F), (0x20000, 0x3FFFF),
)  # fmt: skip
ANY_UNSPACED = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _UNSPACED) + "]")


def lower(text: str, language: str) -> str:
    """Lower case as the language has it, letter by letter: as long as `text`, so that places in it stay."""
    if language.split("-")[0].lower() in DOTTED_I:
        text = text.translate(TURKIC)
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)
