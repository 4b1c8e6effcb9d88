"""Words by their morphological analyses: their morphemes, and whether they are inflected.

zeyrek, an analyzer of Turkish, is the only one so far. A language has these figures if its file names an analyzer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Literal, TypeVar

from mlqa.errors import summarize_error
from mlqa.tokenization.analyses import Morpheme, find_analyses
from mlqa.tokenization.readings import LONGEST, NO_LETTERS, Found, Lexicon, normalize_word

Inflection = Literal["inflected", "bare", "unknown"]
T = TypeVar("T")
log = logging.getLogger(__name__)

MOST_WORDS = 10_000  # some 1,000 words per second
# zeyrek counts participles as derivations. Here they are forms of a tense, like -ar and -mış.
_PARTICIPLES = frozenset({"AorPart", "NarrPart", "PresPart", "PastPart", "FutPart"})


def classify_inflections(words: Collection[str], lexicon: Lexicon) -> dict[str, Inflection] | None:
    """Tell inflected words from bare ones, whatever punctuation surrounds them.

    Args:
        words: Words of the language.
        lexicon: Of a language that has an analyzer.

    Returns:
        {word: class}, or None and a line in the log if zeyrek fails or there are more than `MOST_WORDS` words:

        - inflected: Every analysis has an audible inflectional suffix (plural, possessive, case, copula, tense, person,
          participle), or the word is a number with letters after an apostrophe (1994'te).
        - bare: Some analysis has none, as in derived words such as matematikçi, or there is no letter (1934).
        - unknown: zeyrek has no analysis, as for most names and foreign words.
    """
    return _analyze_each(words, lambda word: _classify_inflection(word, lexicon), "scores by inflection")


def count_morphemes(words: Collection[str], lexicon: Lexicon) -> dict[str, int | None] | None:
    """Count the morphemes of each word, whatever punctuation surrounds it.

    Args:
        words: Words of the language.
        lexicon: Of a language that has an analyzer.

    Returns:
        {word: the fewest morphemes of any reading}, with 1 for a number or sign and None for a word without a reading.
        None instead of the mapping, and a line in the log, if zeyrek fails or there are more than `MOST_WORDS` words.
    """
    return _analyze_each(words, lambda word: _count_word_morphemes(lexicon.find(word)), "scores by number of morphemes")


def read_words(words: Collection[str], lexicon: Lexicon) -> dict[str, Found]:
    """Find the readings of words, some 1,000 words per second if an analyzer has to.

    Returns:
        {word: its readings or why it has none}. Empty, with a line in the log, if the analyzer fails or there are more
        than `MOST_WORDS` words.
    """
    return _analyze_each(words, lexicon.find, "morphemes") or {}


def _analyze_each(words: Collection[str], analyze: Callable[[str], T], figure: str) -> dict[str, T] | None:
    if len(words) > MOST_WORDS:
        log.info("%s are left out: %d words to analyze, at most %d", figure, len(words), MOST_WORDS)
        return None
    try:
        return {word: analyze(word) for word in words}
    except Exception as error:  # a run must not end because of an error in the analyzer
        log.warning("%s are left out: zeyrek: %s", figure, summarize_error(error))
        return None


def _classify_inflection(word: str, lexicon: Lexicon) -> Inflection:
    letters = lexicon.fold(word)
    if not any(letter.isalpha() for letter in letters.text):
        return "bare"
    text = normalize_word(word[letters.start : letters.ends[-1]])
    stem, _, suffix = text.partition("'")
    if suffix.isalpha() and not any(letter.isalpha() for letter in stem):
        return "inflected"
    if len(text) > LONGEST:
        return "unknown"
    analyses = find_analyses(text)
    if not analyses:
        return "unknown"
    return "inflected" if all(_is_inflected(analysis.morphemes) for analysis in analyses) else "bare"


def _count_word_morphemes(found: Found) -> int | None:
    if found.why == NO_LETTERS:
        return 1
    return min((len(reading.parts) for reading in found.readings), default=None)


def _is_inflected(morphemes: list[Morpheme]) -> bool:
    """Return whether an audible suffix is inflectional."""
    return any(suffix.surface and (not suffix.derivational or suffix.id in _PARTICIPLES) for suffix in morphemes[1:])
