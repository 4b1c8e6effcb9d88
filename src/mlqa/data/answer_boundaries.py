"""Whether an answer begins or ends inside a word, or before a suffix that follows an apostrophe.

A model answers with whole tokens. An answer that is cut out of a word ('Basra valiliği' of 'valiliğine') is possible
only if the tokenizer happens to split there. One before an apostrophe suffix ('1923' of "1923'te") nearly always is.
"""

from __future__ import annotations

import unicodedata

from mlqa.data.examples import Answer
from mlqa.data.scripts import ANY_UNSPACED, APOSTROPHES


def is_word_character(character: str) -> bool:
    """Return whether a character is a letter, mark or digit (Unicode categories L, M and N).

    Letters that stand for an apostrophe (ʼ) do not count.
    """
    return unicodedata.category(character)[0] in "LMN" and character not in APOSTROPHES


def is_inside_word(context: str, place: int) -> bool:
    """Return whether the characters on both sides of an offset belong to a word.

    In scripts without spaces between words this cannot be known, so only a mark on the letter before it counts.
    """
    if not 0 < place < len(context):
        return False
    before, after = context[place - 1], context[place]
    if ANY_UNSPACED.match(before) or ANY_UNSPACED.match(after):
        return unicodedata.category(after)[0] == "M"
    return is_word_character(before) and is_word_character(after)


def has_start_inside_word(context: str, answer: Answer) -> bool:
    """Return whether the characters on both sides of an answer's start belong to a word."""
    return is_inside_word(context, answer.start)


def has_end_inside_word(context: str, answer: Answer) -> bool:
    """Return whether the characters on both sides of an answer's end belong to a word."""
    return is_inside_word(context, answer.end)


def is_before_apostrophe_suffix(context: str, answer: Answer) -> bool:
    """Return whether an answer is directly followed by an apostrophe, in any of its forms, and a letter."""
    rest = context[answer.end : answer.end + 2]
    return len(rest) == 2 and rest[0] in APOSTROPHES and rest[1].isalpha()


def is_before_letter(context: str, answer: Answer) -> bool:
    """Return whether an answer is directly followed by a letter, mark or digit, of a script that writes spaces."""
    following = context[answer.end : answer.end + 1]
    if not following or not is_word_character(following):
        return False
    return not ANY_UNSPACED.match(following) or unicodedata.category(following)[0] == "M"
