"""Turkish suffixes by rule: vowel harmony, hardened consonants, and numbers by how they are read aloud.

This is enough for the sample's words, which are all regular. It is not a morphological analyzer.
"""

from __future__ import annotations

import functools
import re

_FRONT, _ROUND, _VOWELS = "eiöüEİÖÜ", "oöuüOÖUÜ", "aeıioöuüâîûAEIİOÖUÜÂÎÛ"
_VOICELESS = "fstkçşhpFSTKÇŞHP"
_UNITS = ("sıfır", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz")
_TENS = ("", "on", "yirmi", "otuz", "kırk", "elli", "altmış", "yetmiş", "seksen", "doksan")
_POWERS = ((3, "yüz"), (6, "bin"), (9, "milyon"), (12, "milyar"))  # (below this many zeros, word)


def spell_last_word(number: str) -> str:
    """Return the last word of a number read aloud, which decides its suffixes: 1934 -> dört, 1990 -> doksan."""
    digits = re.sub(r"\D", "", number)
    zeros = len(digits) - len(digits.rstrip("0"))
    if zeros == 0 or zeros == len(digits):
        return _UNITS[int(digits[-1])]
    if zeros == 1:
        return _TENS[int(digits[-2])]
    return next(word for limit, word in _POWERS if zeros < limit)


@functools.lru_cache(maxsize=2**16)
def build_suffix(stem: str, form: str) -> str:
    """Build a suffix in the form that it takes after a stem: ("Sinop", "DA") -> ta, ("1934", "DA") -> te.

    Args:
        stem: A word or number.
        form: The suffix as written in sample_vocabulary.yaml. A and I follow the last vowel (vowel harmony), D hardens
            after a voiceless consonant, a letter in brackets appears only after a vowel, and + joins suffixes.
    """
    sound = spell_last_word(stem) if stem[-1].isdigit() else stem
    made = ""
    for part in form.split("+"):
        after_vowel = sound[-1] in _VOWELS
        part = re.sub(r"\((\w)\)", r"\1" if after_vowel else "", part)
        for letter in part:
            vowel = next(letter for letter in reversed(sound) if letter in _VOWELS)
            front, rounded = vowel in _FRONT, vowel in _ROUND
            if letter == "A":
                letter = "e" if front else "a"
            elif letter == "I":
                letter = ("ü" if rounded else "i") if front else ("u" if rounded else "ı")
            elif letter == "D":
                letter = "t" if sound[-1] in _VOICELESS else "d"
            made += letter
            sound += letter
    return made


def inflect_name(stem: str, form: str) -> str:
    """Add a suffix to a name or number after an apostrophe, without a change of spelling: İzmir'de, 1946'da."""
    ending = build_suffix(stem, form)
    return stem + ending if ending.startswith(" ") else f"{stem}'{ending}"


def inflect_noun(stem: str, form: str) -> str:
    """Add a suffix to a common noun. The final k of a longer word softens before a vowel: köpek -> köpeği."""
    ending = build_suffix(stem, form)
    syllables = sum(letter in _VOWELS for letter in stem)
    if stem.endswith("k") and ending[0] in _VOWELS and syllables > 1:
        stem = stem[:-1] + ("g" if stem[-2] == "n" else "ğ")
    return stem + ending
