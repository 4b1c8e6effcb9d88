"""Find the sentences of a text by their punctuation, in any script."""

from __future__ import annotations

import re

_CLOSING = "[\"'”’»)\\]]*"
# Full stops of scripts with spaces end a sentence only before white space.
_END = re.compile(rf"[.!?…؟।]+{_CLOSING}(?=\s)|[。！？]+[」』”’]*|\n+")
_SHORTEST_WORD = (
    3  # letters: a full stop after a shorter word, or after a number, belongs to an abbreviation or ordinal
)
_LAST_WORD = re.compile(r"\w+$")


def find_sentence_ends(text: str) -> list[int]:
    """Return where each sentence ends, in ascending order. The last end is that of the text.

    A full stop after a number or a word of one or two letters is taken for an ordinal or an abbreviation ("1. Dünya
    Savaşı", "M.Ö. 44"), so that two sentences may count as one, but no sentence as two.
    """
    ends = []
    for match in _END.finditer(text):
        word = _LAST_WORD.search(text, 0, match.start())
        is_short = word is not None and (len(word[0]) < _SHORTEST_WORD or word[0].isdigit())
        if match[0][0] != "." or not is_short:
            ends.append(match.end())
    return [*(end for end in ends if end < len(text)), len(text)]
