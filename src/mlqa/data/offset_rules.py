"""How a source counts answer_start, if it does not count characters from 0: one rule for all of its rows.

A tool that numbers characters from 1, or counts UTF-16 code units or bytes, gets every answer wrong by the same rule.
What the rule says is then certain, also if the text of an answer occurs several times in its context.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

SHIFTS = (-2, 2, -3, 3)  # besides 1
FEWEST = 2  # a rule that explains one answer is no rule
_SPACES = np.array([code for code in range(0x3001) if chr(code).isspace()], dtype=np.uint32)

Gold = tuple[str, str, int]  # context, text of the answer, answer_start


@dataclass(frozen=True)
class OffsetRule:
    """A way of counting.

    Attributes:
        name: What is counted, for messages.
        widths: Returns the units of each character of a context [characters], or None for one each.
        shift: Added to an offset before it is looked up.
    """

    name: str
    widths: Callable[[np.ndarray], np.ndarray] | None = None
    shift: int = 0

    def find_start(self, context: str, offset: int) -> int | None:
        """Return the character at which the rule's offset points, or None if it points at none."""
        offset += self.shift
        if offset < 0:
            return None
        if self.widths is None:
            return offset
        starts = _count_units(self.widths, context)
        place = int(np.searchsorted(starts, offset, side="right")) - 1
        return place if place >= 0 and starts[place] == offset else None


@functools.lru_cache(maxsize=256)  # neighbouring rows share a context
def _count_units(widths: Callable[[np.ndarray], np.ndarray], context: str) -> np.ndarray:
    """Return the offset of each character, in units."""
    codes = np.frombuffer(context.encode("utf-32-le"), dtype="<u4")
    return np.concatenate([[0], np.cumsum(widths(codes))])[: len(codes)]


def _count_utf16(codes: np.ndarray) -> np.ndarray:
    return np.where(codes > 0xFFFF, 2, 1)


def _count_utf8(codes: np.ndarray) -> np.ndarray:
    return 1 + np.searchsorted([0x80, 0x800, 0x10000], codes, side="right")


def _count_crlf_once(codes: np.ndarray) -> np.ndarray:
    return np.where((codes == 13) & np.append(codes[1:] == 10, False), 0, 1)


def _count_line_feed_twice(codes: np.ndarray) -> np.ndarray:
    return np.where((codes == 10) & ~np.append(False, codes[:-1] == 13), 2, 1)


def _skip_leading_space(codes: np.ndarray) -> np.ndarray:
    return np.where(np.logical_or.accumulate(~np.isin(codes, _SPACES)), 1, 0)


def _count_space_runs_once(codes: np.ndarray) -> np.ndarray:
    space = np.isin(codes, _SPACES)
    return np.where(space & np.append(True, space[:-1]), 0, 1)


def _count_decomposed(codes: np.ndarray) -> np.ndarray:
    distinct, inverse = np.unique(codes, return_inverse=True)
    lengths = [len(unicodedata.normalize("NFD", chr(code))) for code in distinct]
    return np.array(lengths, dtype=np.int64)[inverse]


def _count_composed(codes: np.ndarray) -> np.ndarray:
    """Give a base character the length of its composed form, and the marks on it none."""
    text = "".join(map(chr, codes))
    widths = np.zeros(len(codes), dtype=np.int64)
    bases = [place for place, letter in enumerate(text) if not place or not unicodedata.combining(letter)]
    for begin, end in zip(bases, [*bases[1:], len(text)], strict=True):
        widths[begin] = 1 if end - begin == 1 else len(unicodedata.normalize("NFC", text[begin:end]))
    return widths


UNITS = {
    "UTF-16 code units": _count_utf16,
    "bytes of UTF-8": _count_utf8,
    "characters with CR LF as one": _count_crlf_once,
    "characters with each line feed as CR LF": _count_line_feed_twice,
    "characters without the white space that begins the context": _skip_leading_space,
    "characters with runs of white space as one": _count_space_runs_once,
    "characters of the composed text (NFC)": _count_composed,
    "characters of the decomposed text (NFD)": _count_decomposed,
}
# Of rules that explain the same answers the first one wins: contexts may all begin alike.
RULES = (
    *(OffsetRule(f"where answer_start points in {name}", count) for name, count in UNITS.items()),
    OffsetRule("1 character before their answer_start, as if counted from 1", shift=-1),
    OffsetRule("1 character after their answer_start", shift=1),
    *(
        OffsetRule(f"{abs(shift)} characters {'before' if shift < 0 else 'after'} their answer_start", shift=shift)
        for shift in SHIFTS
    ),
)


def find_offset_rule(golds: Sequence[Gold]) -> OffsetRule | None:
    """Find the rule by which a source counts, if it explains clearly more answers than the offsets as given.

    It must explain at least half of the answers that are in their context and not at their offset, and more of them
    than it loses of the answers that are at their offset.

    Args:
        golds: All answers of a source.

    Returns:
        The rule that explains most answers, or None if the offsets are best as given.
    """
    right: list[Gold] = []
    misplaced: list[Gold] = []
    for gold in golds:
        context, text, start = gold
        if is_at(*gold):
            right.append(gold)
        elif start >= 0 and (stripped := text.strip()) and stripped in context:
            misplaced.append(gold)
    needed = max(FEWEST, len(misplaced) / 2)
    if len(misplaced) < needed:
        return None
    best, most = None, 0
    for rule in RULES:
        explained = sum(_explains(rule, gold) for gold in misplaced)
        if explained < needed or explained <= most:
            continue
        lost = sum(not _explains(rule, gold) for gold in right)
        if explained - lost > most:
            best, most = rule, explained - lost
    return best


def is_at(context: str, text: str, start: int) -> bool:
    """Return whether an answer is in its context at an offset, with or without the white space around it."""
    stripped = text.strip()
    return start >= 0 and bool(stripped) and context.startswith((text, stripped), start)


def _explains(rule: OffsetRule, gold: Gold) -> bool:
    context, text, start = gold
    place = rule.find_start(context, start)
    return place is not None and is_at(context, text, place)
