"""Whether Turkish words carry inflectional suffixes, by zeyrek (MIT, a port of Zemberek) where it is installed."""

from __future__ import annotations

import functools
import logging
import unicodedata
from collections.abc import Collection
from typing import Any, Literal

from mlqa.data.scripts import APOSTROPHES
from mlqa.errors import first_line

Inflection = Literal["inflected", "bare", "unknown"]
log = logging.getLogger(__name__)

MOST_WORDS = 10_000  # some 600 words a second: about a quarter of a minute
_LONGEST = 60  # letters; analysis grows with the length, and no word of running text is longer
_ONE_APOSTROPHE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
# To zeyrek participles are derivations. Here they are what they are in -ar and -mış: forms of a tense.
_PARTICIPLES = frozenset({"AorPart", "NarrPart", "PresPart", "PastPart", "FutPart"})


def inflections(words: Collection[str]) -> dict[str, Inflection] | None:
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
        return {word: _inflection(word) for word in words}
    except Exception as error:  # whatever another's analyser stumbles over: a run does not end over it
        log.warning("scores by inflection are left out: zeyrek: %s", first_line(error))
        return None


def _inflection(word: str) -> Inflection:
    text = unicodedata.normalize("NFC", word).translate(_ONE_APOSTROPHE)
    text = _without_outer_signs(text)
    if not any(letter.isalpha() for letter in text):
        return "bare"
    stem, _, suffix = text.partition("'")
    if suffix.isalpha() and not any(letter.isalpha() for letter in stem):
        return "inflected"
    if len(text) > _LONGEST:
        return "unknown"
    analyses = _analyser()._parse(text)  # analyze() would need NLTK's data, which is a download
    if not analyses:
        return "unknown"
    return "inflected" if all(_is_inflected(analysis.morphemes) for analysis in analyses) else "bare"


def _is_inflected(morphemes: list[Any]) -> bool:
    """Of (morpheme, surface) pairs, the root first: whether a suffix that has a surface is inflectional."""
    return any(
        surface and (not morpheme.derivational or morpheme.id_ in _PARTICIPLES) for morpheme, surface in morphemes[1:]
    )


def _without_outer_signs(text: str) -> str:
    kept = [place for place, letter in enumerate(text) if unicodedata.category(letter)[0] not in "PS"]
    return text[kept[0] : kept[-1] + 1] if kept else ""


@functools.cache
def _analyser() -> Any:
    """zeyrek's analyser, which reads its dictionaries for some three seconds; it logs each analysis as a warning."""
    logging.getLogger("zeyrek").setLevel(logging.ERROR)
    import zeyrek

    return zeyrek.MorphAnalyzer()
