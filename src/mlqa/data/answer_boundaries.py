"""Whether an answer begins or ends inside a word, or before a suffix that follows an apostrophe.

A model answers with whole tokens. An answer that is cut out of a word ('Basra valiliği' of 'valiliğine') is possible
only if the tokenizer happens to split there. One before an apostrophe suffix ('1923' of "1923'te") nearly always is.
"""

from __future__ import annotations

import unicodedata

from mlqa.data.examples import Answer
from mlqa.data.scripts import APOSTROPHES


def is_word_character(character: str) -> bool:
    """Return whether a character is a letter, mark or digit (Unicode categories L, M and N).

    Letters that stand for an apostrophe (ʼ) do not count.
    """
    return unicodedata.category(character)[0] in "LMN" and character not in APOSTROPHES


def _is_inside_word(context: str, place: int) -> bool:
    return 0 < place < len(context) and is_word_character(context[place - 1]) and is_word_character(context[place])


def has_start_inside_word(context: str, answer: Answer) -> bool:
    """Return whether the characters on both sides of an answer's start belong to a word."""
    return _is_inside_word(context, answer.start)


def has_end_inside_word(context: str, answer: Answer) -> bool:
    """Return whether the characters on both sides of an answer's end belong to a word."""
    return _is_inside_word(context, answer.end)


def is_before_apostrophe_suffix(context: str, answer: Answer) -> bool:
    """Return whether an answer is directly followed by an apostrophe, in any of its forms, and a letter."""
    rest = context[answer.end : answer.end + 2]
    return len(rest) == 2 and rest[0] in APOSTROPHES and rest[1].isalpha()
