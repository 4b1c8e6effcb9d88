"""Find an answer whose source adds punctuation at its ends, such as "Ankara." for Ankara."""

from __future__ import annotations

import unicodedata

from mlqa.data.same_text import fold_text


def find_without_ends(context: str, text: str, start: int) -> tuple[int, int] | None:
    """Find an answer at its offset, without the punctuation around it that its context does not have.

    Args:
        context: The context.
        text: The answer as its source writes it.
        start: The character at which it should begin.

    Returns:
        Its (start, end), or None if it is not there, has no letter, or has no punctuation at its ends.
    """
    core, before = _trim(text)
    if not core:
        return None
    # The context may also have no sign, or another one, before the answer.
    for at in dict.fromkeys((start, start + before)):
        if found := fold_text(context).find_at(core, at):
            return found
    return None


def find_all_without_ends(context: str, text: str) -> list[tuple[int, int]]:
    """Return the (start, end) of each place of an answer without the punctuation at its ends, if it has any."""
    core, _ = _trim(text)
    return fold_text(context).find_all(core) if core else []


def _trim(text: str) -> tuple[str, int]:
    """Return an answer without outer punctuation and how much of it was before it, or ("", 0) if it has none."""
    stripped = text.strip()
    begin, end = 0, len(stripped)
    while begin < end and _is_punctuation(stripped[begin]):
        begin += 1
    while end > begin and _is_punctuation(stripped[end - 1]):
        end -= 1
    core = stripped[begin:end]
    return ("", 0) if core == stripped else (core, begin)


def _is_punctuation(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] == "P"
