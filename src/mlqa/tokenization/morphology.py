"""Words by their morphological analyses: their morphemes, and whether they are inflected.

zeyrek, an analyzer of Turkish, is the only one so far. A language has these figures if its file names an analyzer.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Collection
from typing import Literal, TypeVar

from mlqa.data.language import load_language
from mlqa.data.scripts import ONE_APOSTROPHE, lower
from mlqa.errors import summarize_error
from mlqa.tokenization.analyses import Morpheme, find_analyses

Inflection = Literal["inflected", "bare", "unknown"]
Glossed = list[tuple[str, str]]  # (morpheme as it appears in the word, its meaning)
T = TypeVar("T")
log = logging.getLogger(__name__)

MOST_WORDS = 10_000  # some 1,000 words per second
_LONGEST = 60  # letters: the time of an analysis grows with the length, and no word of running text is longer
# zeyrek counts participles as derivations. Here they are forms of a tense, like -ar and -mış.
_PARTICIPLES = frozenset({"AorPart", "NarrPart", "PresPart", "PastPart", "FutPart"})


def classify_inflections(words: Collection[str]) -> dict[str, Inflection] | None:
    """Tell inflected words from bare ones, whatever punctuation surrounds them.

    Returns:
        {word: class}, or None and a line in the log if zeyrek fails or there are more than `MOST_WORDS` words:

        - inflected: Every analysis has an audible inflectional suffix (plural, possessive, case, copula, tense, person,
          participle), or the word is a number with letters after an apostrophe (1994'te).
        - bare: Some analysis has none, as in derived words such as matematikçi, or there is no letter (1934).
        - unknown: zeyrek has no analysis, as for most names and foreign words.
    """
    return _analyze_each(words, _classify_inflection, "scores by inflection")


def count_morphemes(words: Collection[str]) -> dict[str, int | None] | None:
    """Count the morphemes of each word, whatever punctuation surrounds it.

    Returns:
        {word: the fewest morphemes of any analysis}, with 1 for a number or sign and None for a word that zeyrek does
        not know. None instead of the mapping, and a line in the log, if zeyrek fails or there are more than
        `MOST_WORDS` words.
    """
    return _analyze_each(words, _count_word_morphemes, "scores by number of morphemes")


def segment_words(words: Collection[str]) -> dict[str, list[tuple[str, ...]]]:
    """Segment words into morphemes, some 1,000 words per second.

    Returns:
        {word: its possible segmentations} of the words that zeyrek knows. The morphemes join to the word, and an
        apostrophe goes with the suffix that follows it. Empty, with a line in the log, if zeyrek fails or there are
        more than `MOST_WORDS` words.
    """
    cut = _analyze_each(words, _cut_analyses, "morphemes") or {}
    found = {
        word: list(dict.fromkeys(tuple(surface for surface, _ in parts) for parts in ways))
        for word, ways in cut.items()
    }
    return {word: ways for word, ways in found.items() if ways}


def get_glossed_morphemes(word: str, language: str) -> Glossed:
    """Return the morphemes of a word's first analysis and what they mean.

    Args:
        word: One word.
        language: A language tag, such as `tr`.

    Returns:
        [(morpheme as it appears in the word, gloss)], with the lemma as the root's gloss. Empty if the language has no
        analyzer, or the analyzer fails or does not know the word.
    """
    if load_language(language).analyser is None:
        return []
    cut = _analyze_each([word], _cut_analyses, "morphemes") or {}
    return next(iter(cut.get(word, [])), [])


def _analyze_each(words: Collection[str], analyze: Callable[[str], T], figure: str) -> dict[str, T] | None:
    if len(words) > MOST_WORDS:
        log.info("%s are left out: %d words to analyze, at most %d", figure, len(words), MOST_WORDS)
        return None
    try:
        return {word: analyze(word) for word in words}
    except Exception as error:  # a run must not end because of an error in the analyzer
        log.warning("%s are left out: zeyrek: %s", figure, summarize_error(error))
        return None


def _classify_inflection(word: str) -> Inflection:
    text = _strip_outer_punctuation(unicodedata.normalize("NFC", word).translate(ONE_APOSTROPHE))
    if not any(letter.isalpha() for letter in text):
        return "bare"
    stem, _, suffix = text.partition("'")
    if suffix.isalpha() and not any(letter.isalpha() for letter in stem):
        return "inflected"
    if len(text) > _LONGEST:
        return "unknown"
    analyses = find_analyses(text)
    if not analyses:
        return "unknown"
    return "inflected" if all(_is_inflected(analysis.morphemes) for analysis in analyses) else "bare"


def _count_word_morphemes(word: str) -> int | None:
    text = _strip_outer_punctuation(unicodedata.normalize("NFC", word))
    if not any(letter.isalpha() for letter in text):
        return 1
    return min(map(len, _cut_analyses(text)), default=None)


def _cut_analyses(word: str) -> list[Glossed]:
    """Return the analyses as (surface in the word's own letters, gloss), without those that do not fit the word."""
    text = word.translate(ONE_APOSTROPHE)
    bare = lower(text.replace("'", ""), dotted_i=True)
    if not bare.isalpha() or len(text) > _LONGEST:
        return []
    cut = []
    for lemma, morphemes in find_analyses(text):
        audible = [morpheme for morpheme in morphemes if morpheme.surface]
        if "".join(morpheme.surface for morpheme in audible) != bare:
            continue
        parts: Glossed = []
        place = 0
        for morpheme in audible:
            end = place
            letters = len(morpheme.surface)
            while letters:
                letters -= text[end] != "'"
                end += 1
            gloss = _split_camel_case(morpheme.name) if parts else lemma
            parts.append((word[place:end], gloss))
            place = end
        if place == len(word):
            cut.append(parts)
    return cut


def _split_camel_case(name: str) -> str:
    """Split a name into words: FirstPersonPluralPossessive -> first person plural possessive."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", name).lower()


def _is_inflected(morphemes: list[Morpheme]) -> bool:
    """Return whether an audible suffix is inflectional."""
    return any(suffix.surface and (not suffix.derivational or suffix.id in _PARTICIPLES) for suffix in morphemes[1:])


def _strip_outer_punctuation(text: str) -> str:
    kept = [place for place, letter in enumerate(text) if unicodedata.category(letter)[0] not in "PS"]
    return text[kept[0] : kept[-1] + 1] if kept else ""
