"""Characters that a reader cannot see: decomposed letters, invisible and control characters, odd spaces.

Because of them, two texts that look the same differ for a tokenizer and for exact match, and code that normalizes a
context moves every offset after them. Categories are those of the Unicode Standard, chapter 4.5
(`unicodedata.category`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

KINDS = ("invisible", "space", "control", "line_break", "replacement")
EXAMPLES = 5  # kept of each character
AROUND = 20  # characters shown on either side of an odd one

# Between two letters or digits (a mark may follow the first one), so that it is not a quotation mark.
_APOSTROPHE = re.compile(r"(?<=[\w\u0300-\u036F])['’](?=[^\W_])")


def classify_character(character: str) -> str | None:
    """Return which of `KINDS` a character is, or None for an ordinary one.

    Returns:
        One of these:

        - invisible: Category Cf, such as the soft hyphen, zero-width and direction marks, and the byte-order mark.
        - space: Categories Zs, Zl and Zp except the ordinary space.
        - line_break: Carriage return and line feed.
        - control: Category Cc except line breaks and the tab.
        - replacement: U+FFFD, which replaces bytes that could not be decoded.
    """
    category = unicodedata.category(character)
    if category in ("Zs", "Zl", "Zp"):
        return None if character == " " else "space"
    if category == "Cc":
        return {"\r": "line_break", "\n": "line_break", "\t": None}.get(character, "control")
    return "invisible" if category == "Cf" else "replacement" if character == "\ufffd" else None


def is_visible(text: str) -> bool:
    """Return whether a text has a character that a reader can see: not only spaces, controls and zero-width marks."""
    return any(letter.isprintable() and letter != " " for letter in text)


def name_character(character: str) -> str:
    """Return a character's code point and name: "U+200E LEFT-TO-RIGHT MARK". Control characters have a number only."""
    code = f"U+{ord(character):04X}"
    names = {"\r": "CARRIAGE RETURN", "\n": "LINE FEED"}
    return f"{code} {unicodedata.name(character, names.get(character, ''))}".rstrip()


def escape_oddities(text: str, marks: bool = False) -> str:
    """Write the odd characters of a text as code points: <U+001B> for an escape.

    Printed raw, such characters move the cursor or reverse the line, so everything that is printed from a data set goes
    through this function.

    Args:
        text: Any text.
        marks: Whether to escape combining marks as well.
    """

    def shown(letter: str) -> str:
        odd = classify_character(letter) or not letter.isprintable() or (marks and unicodedata.combining(letter))
        return f"<U+{ord(letter):04X}>" if odd else letter

    return "".join(map(shown, text))


@dataclass
class Oddities:
    """What `scan_texts` has found so far.

    Attributes:
        characters: How often each odd character occurs in the texts.
        examples: The first (place, surroundings) of each odd character.
        apostrophes: How often ' and ’ occur between letters.
        not_nfc: The first places of texts that are not in NFC.
    """

    characters: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    apostrophes: Counter[str] = field(default_factory=Counter)
    not_nfc: list[tuple[str, str]] = field(default_factory=list)

    def scan_texts(self, texts: Iterable[str], place_of: Callable[[int], str]) -> int:
        """Add texts to the findings.

        Args:
            texts: The texts.
            place_of: Returns the name of text n.

        Returns:
            How many of the texts are not in NFC.
        """
        odd, not_nfc = _compile_odd_pattern(), 0
        for number, text in enumerate(texts):
            for found in odd.finditer(text):
                self.characters[found[0]] += 1
                examples = self.examples.setdefault(found[0], [])
                if len(examples) < EXAMPLES:
                    place = f"{place_of(number)}, character {found.start()}"
                    examples.append((place, _extract_surroundings(text, found.start())))
            self.apostrophes.update(_APOSTROPHE.findall(text))
            if not unicodedata.is_normalized("NFC", text):
                not_nfc += 1
                if len(self.not_nfc) < EXAMPLES:
                    at = _find_first_difference(text)
                    place = f"{place_of(number)}, character {at}"
                    self.not_nfc.append((place, _extract_surroundings(text, at, marks=True)))
        return not_nfc

    def count_by_kind(self) -> dict[str, dict[str, int]]:
        """Return {kind: {"U+200E LEFT-TO-RIGHT MARK": count}} for every kind, most frequent first."""
        found: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        for character, count in self.characters.most_common():
            found[str(classify_character(character))][name_character(character)] = count
        return found


@cache
def _compile_odd_pattern() -> re.Pattern[str]:
    # The planes between and after these have only ideographs and private use.
    planes = (range(0x20000), range(0xE0000, 0xE1000))
    odd = [character for codes in planes for character in map(chr, codes) if classify_character(character)]
    return re.compile(f"[{''.join(map(re.escape, odd))}]")


def _extract_surroundings(text: str, place: int, marks: bool = False) -> str:
    """Return the text around a character, with odd characters as code points."""
    return escape_oddities(text[max(0, place - AROUND) : place + AROUND + 1], marks)


def _find_first_difference(text: str) -> int:
    composed = unicodedata.normalize("NFC", text)
    pairs = enumerate(zip(text, composed, strict=False))
    return next((place for place, (letter, other) in pairs if letter != other), len(composed))
