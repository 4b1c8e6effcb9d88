"""A word's letters as a dictionary has them, and the way back to the word's own letters.

Words of running text differ from a list's by case, Unicode form (NFC, NFD), circumflex, apostrophe and the punctuation
around them. They are compared without these, and cut where they really stand.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from mlqa.data.scripts import ONE_APOSTROPHE, lower

APOSTROPHE = "'"
_NO_CIRCUMFLEX = str.maketrans("âîûÂÎÛ", "aiuAIU")


class Letters(NamedTuple):
    """The letters of a word, without the punctuation around it.

    Attributes:
        text: The letters in lower case, one per entry of `ends`.
        start: Offset of the first letter in the word, in characters.
        ends: Offset after each letter, with the marks that belong to it. Never descending.
    """

    text: str
    start: int
    ends: list[int]


def fold_letters(word: str, dotted_i: bool, optional_circumflex: bool, apostrophes: bool = True) -> Letters:
    """Return the letters by which a word is looked up.

    Args:
        word: One word in any case and Unicode form, possibly with punctuation around it.
        dotted_i: Whether I becomes ı and İ becomes i.
        optional_circumflex: Whether â, î and û are looked up as a, i and u.
        apostrophes: Whether apostrophes inside the word, of any form, count as letters.
    """
    first, last = _find_core(word)
    text: list[str] = []
    ends: list[int] = []
    place = first
    while place < last:
        end = place + 1
        while end < last and unicodedata.category(word[end]) == "Mn":
            end += 1
        letter = unicodedata.normalize("NFC", word[place:end]).translate(ONE_APOSTROPHE)
        if letter != APOSTROPHE or apostrophes:
            folded = lower(letter.translate(_NO_CIRCUMFLEX) if optional_circumflex else letter, dotted_i)
            text.append(folded)
            ends.extend([end] * len(folded))
        place = end
    return Letters("".join(text), first, ends)


def cut_word(word: str, letters: Letters, surfaces: Sequence[str]) -> list[str]:
    """Return the morphemes of a word in its own letters.

    What is not looked up, such as an apostrophe, goes with the morpheme that follows it.

    Args:
        word: The word.
        letters: Its letters.
        surfaces: Its morphemes, which join to `letters.text`.
    """
    parts, begin, done = [], letters.start, 0
    for surface in surfaces:
        done += len(surface)
        parts.append(word[begin : letters.ends[done - 1]])
        begin = letters.ends[done - 1]
    return parts


def _find_core(word: str) -> tuple[int, int]:
    """Return the offsets of the word without the punctuation and symbols around it."""
    kept = [place for place, letter in enumerate(word) if unicodedata.category(letter)[0] not in "PSZC"]
    return (kept[0], kept[-1] + 1) if kept else (0, 0)
