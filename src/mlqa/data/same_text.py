"""Find an answer that its context writes in another way: other white space, apostrophes, quotes, case or Unicode form.

Annotators copy an answer from a page that shows ' and a space, and the context holds ’ and a no-break space, or &nbsp;.
The two texts are the same to a reader. The answer then is what the context has.
"""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from bisect import bisect_left

from mlqa.data.scripts import APOSTROPHES

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_QUOTES = '"\u00ab\u00bb\u201c\u201d\u201e\u201f\u2033\uff02'
_SIGNS = str.maketrans(
    {**dict.fromkeys(APOSTROPHES + "\u201a\u201b\u2032", "'"), **dict.fromkeys(_QUOTES, '"'), "\u0131": "i"}
)


class FoldedText:
    """A text in a form in which equal texts are equal, with the offsets of the original.

    Attributes:
        letters: The folded text. Runs of white space are one space, invisible characters (category Cf) are gone, and
            the rest is compatibility-composed (NFKC) and case-folded, with one kind of apostrophe, quote, dash and i.
            Character references of HTML are what they stand for.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        letters: list[str] = []
        self._starts: list[int] = []  # of the original, of each folded letter
        self._ends: list[int] = []
        for start, end in _iter_clusters(text):
            for letter in _fold(text[start:end]):
                if letter == " " and letters and letters[-1] == " ":
                    self._ends[-1] = end
                    continue
                letters.append(letter)
                self._starts.append(start)
                self._ends.append(end)
        self.letters = "".join(letters)

    def find_at(self, answer: str, start: int) -> tuple[int, int] | None:
        """Return the (start, end) of an answer that begins at an offset, or None if it does not."""
        wanted = fold_answer(answer)
        place = bisect_left(self._starts, start)
        place += self.letters.startswith(" ", place)
        return self._measure(place, wanted) if wanted and self.letters.startswith(wanted, place) else None

    def find_all(self, answer: str) -> list[tuple[int, int]]:
        """Return the (start, end) of each place of an answer."""
        wanted = fold_answer(answer)
        found: list[tuple[int, int]] = []
        place = self.letters.find(wanted) if wanted else -1
        while place >= 0:
            if measured := self._measure(place, wanted):
                found.append(measured)
            place = self.letters.find(wanted, place + 1)
        return found

    def _measure(self, place: int, wanted: str) -> tuple[int, int] | None:
        """Return the offsets in the original, or None if they would cut one of its characters in two."""
        end = place + len(wanted)
        starts = self._starts
        if (place and starts[place] == starts[place - 1]) or (end < len(starts) and starts[end] == starts[end - 1]):
            return None
        found = starts[place], self._ends[end - 1]
        written = self.text[found[0] : found[1]]
        return found if written and written == written.strip() else None


@functools.lru_cache(maxsize=64)  # neighbouring rows share a context
def fold_text(text: str) -> FoldedText:
    """Return the folded form of a context."""
    return FoldedText(text)


def fold_answer(answer: str) -> str:
    """Return the folded form of an answer, without outer white space."""
    return FoldedText(answer).letters.strip()


def _iter_clusters(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of each character with the marks on it, and of each character reference of HTML."""
    inside: set[int] = set()
    if "&" in text:
        inside.update(place for found in _ENTITY.finditer(text) for place in range(found.start() + 1, found.end()))
    begins = [
        place
        for place, letter in enumerate(text)
        if not place or not (unicodedata.combining(letter) or place in inside)
    ]
    return list(zip(begins, [*begins[1:], len(text)], strict=True))


@functools.lru_cache(maxsize=1 << 16)
def _fold(cluster: str) -> str:
    if cluster.startswith("&"):
        cluster = html.unescape(cluster)
    kept = "".join(letter for letter in cluster if unicodedata.category(letter) != "Cf").translate(_SIGNS)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", kept).casefold()).translate(_SIGNS)
    folded = folded.replace("i\u0307", "i")
    return "".join(
        " " if letter.isspace() else "-" if unicodedata.category(letter) == "Pd" else letter for letter in folded
    )
