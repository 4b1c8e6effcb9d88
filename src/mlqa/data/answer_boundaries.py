"""Where answers begin and end: inside a word, or before a suffix that an apostrophe sets off.

A model answers with whole tokens. An answer cut out of a word ('Basra valiliği' of 'valiliğine') can only be given
where the tokenizer happens to cut there too; one before an apostrophe suffix ('1923' of "1923'te") nearly always can.
"""

from __future__ import annotations

import unicodedata

from mlqa.data.examples import Answer
from mlqa.data.scripts import APOSTROPHES


def is_word_character(character: str) -> bool:
    """A letter, mark or digit (Unicode categories L, M and N), but no letter that stands for an apostrophe (ʼ)."""
    return unicodedata.category(character)[0] in "LMN" and character not in APOSTROPHES


def _is_inside_word(context: str, place: int) -> bool:
    return 0 < place < len(context) and is_word_character(context[place - 1]) and is_word_character(context[place])


def has_start_inside_word(context: str, answer: Answer) -> bool:
    """The characters on both sides of its beginning belong to a word."""
    return _is_inside_word(context, answer.start)


def has_end_inside_word(context: str, answer: Answer) -> bool:
    """The characters on both sides of its end belong to a word."""
    return _is_inside_word(context, answer.end)


def is_before_apostrophe_suffix(context: str, answer: Answer) -> bool:
    """Directly followed by an apostrophe, whichever sign is used for it, and a letter."""
    rest = context[answer.end : answer.end + 2]
    return len(rest) == 2 and rest[0] in APOSTROPHES and rest[1].isalpha()
