"""What tools count as answer_start: code units, bytes, words, or characters of another form of the text."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable

import numpy as np

Widths = Callable[[np.ndarray], np.ndarray]  # code points of a context -> units of each [characters]

_SPACES = np.array([code for code in range(0x3001) if chr(code).isspace()], dtype=np.uint32)
_ESCAPES = {"&": 5, "<": 4, ">": 4, "\u00a0": 6}  # &amp; &lt; &gt; &nbsp;
_QUOTES = {'"': 6, "'": 5}  # &quot; &#39;
_QUOTES_IN_HEX = {'"': 6, "'": 6}  # &quot; &#x27;, as Python writes them


@functools.lru_cache(maxsize=1024)  # neighbouring rows share a context
def count_units(unit: str, context: str) -> np.ndarray | None:
    """Count the units before each character of a context.

    Args:
        unit: A name of `UNITS`.
        context: The context.

    Returns:
        An integer array [characters], or None if each character of this context is one unit.
    """
    codes = np.frombuffer(context.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    widths = UNITS[unit](codes)
    return None if (widths == 1).all() else np.concatenate([[0], np.cumsum(widths)])[: len(codes)]


def _count_utf16(codes: np.ndarray) -> np.ndarray:
    return np.where(codes > 0xFFFF, 2, 1)


def _count_utf16_bytes(codes: np.ndarray) -> np.ndarray:
    return 2 * _count_utf16(codes)


def _count_utf8(codes: np.ndarray) -> np.ndarray:
    return 1 + np.searchsorted([0x80, 0x800, 0x10000], codes, side="right")


def _count_double_bytes(codes: np.ndarray) -> np.ndarray:
    return np.where(codes > 0x7F, 2, 1)


def _count_crlf_once(codes: np.ndarray) -> np.ndarray:
    return np.where((codes == 13) & np.append(codes[1:] == 10, False), 0, 1)


def _count_line_feed_twice(codes: np.ndarray) -> np.ndarray:
    return np.where((codes == 10) & ~np.append(False, codes[:-1] == 13), 2, 1)


def _skip_line_ends(codes: np.ndarray) -> np.ndarray:
    return np.where((codes == 13) | (codes == 10), 0, 1)


def _skip_leading_space(codes: np.ndarray) -> np.ndarray:
    return np.where(np.logical_or.accumulate(~np.isin(codes, _SPACES)), 1, 0)


def _skip_space(codes: np.ndarray) -> np.ndarray:
    return np.where(np.isin(codes, _SPACES), 0, 1)


def _count_space_runs_once(codes: np.ndarray) -> np.ndarray:
    space = np.isin(codes, _SPACES)
    return np.where(space & np.append(True, space[:-1]), 0, 1)


def _skip_invisible(codes: np.ndarray) -> np.ndarray:
    distinct, inverse = np.unique(codes, return_inverse=True)
    return np.array([int(unicodedata.category(chr(code)) != "Cf") for code in distinct], dtype=np.int64)[inverse]


def _count_words(codes: np.ndarray) -> np.ndarray:
    space = np.isin(codes, _SPACES)
    return np.where(~space & np.append(True, space[:-1]), 1, 0)


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


def _count_escaped(codes: np.ndarray, escapes: dict[str, int]) -> np.ndarray:
    widths = np.ones(len(codes), dtype=np.int64)
    for character, width in escapes.items():
        widths[codes == ord(character)] = width
    return widths


# The order decides between units that explain the same answers.
UNITS: dict[str, Widths] = {
    "characters": lambda codes: np.ones(len(codes), dtype=np.int64),
    "UTF-16 code units": _count_utf16,
    "bytes of UTF-8": _count_utf8,
    "characters with CR LF as one": _count_crlf_once,
    "characters with each line feed as CR LF": _count_line_feed_twice,
    "characters without line ends": _skip_line_ends,
    "characters without the white space that begins the context": _skip_leading_space,
    "characters with runs of white space as one": _count_space_runs_once,
    "characters of the composed text (NFC)": _count_composed,
    "characters of the decomposed text (NFD)": _count_decomposed,
    "characters without invisible ones": _skip_invisible,
    "characters of the text escaped for HTML": functools.partial(_count_escaped, escapes=_ESCAPES),
    "characters of the text and its quotes escaped for HTML": functools.partial(
        _count_escaped, escapes=_ESCAPES | _QUOTES
    ),
    "characters of the text as Python escapes it for HTML": functools.partial(
        _count_escaped, escapes={**_ESCAPES, **_QUOTES_IN_HEX, "\u00a0": 1}
    ),
    "bytes of UTF-16": _count_utf16_bytes,
    "bytes of a double-byte encoding": _count_double_bytes,
    "characters without white space": _skip_space,
    "words": _count_words,
}
CHARACTERS = "characters"
