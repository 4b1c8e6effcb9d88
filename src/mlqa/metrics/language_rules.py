"""When two answers are equal in a language. These rules complement SQuAD's own, which are made for English.

SQuAD's script folds `I` to `i` and `İ` to two code points, knows only ASCII punctuation, treats the word `a` as an
article in any language, and does not split text that is written without spaces. `LanguageRules.normalize` lists what is
done here, and docs/metrics.md gives the reasons.
"""

from __future__ import annotations

import functools
import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlqa.config.language_codes import shorten_code
from mlqa.config.schema import PrimaryMetric
from mlqa.data.language import Punctuation, Words, load_language
from mlqa.data.scripts import APOSTROPHES, ONE_APOSTROPHE, TURKIC, insert_spaces

if TYPE_CHECKING:
    from mlqa.config.schema import DatasetConfig

# The dots of an i in decomposed text, after any marks below the letter.
_DOTS = re.compile("i([\u0316-\u0333]*)\u0307+")


@dataclass(frozen=True)
class LanguageRules:
    """How a language compares answers.

    Attributes:
        language: The language's code, such as `tr`.
        articles: Folded words that do not count. One that ends with an apostrophe also goes from the beginning of a
            word.
        dotted_i: Whether I folds to ı and İ to i.
        words_by: What a word is.
        separators: Signs that become a space before punctuation is removed.
        punctuation: Which signs are removed.
        question_words: {question type: patterns}, in order of precedence. Empty if none are known.
    """

    language: str = ""
    articles: frozenset[str] = frozenset()
    dotted_i: bool = False
    words_by: Words = Words.whitespace
    separators: str = ""
    punctuation: Punctuation = Punctuation.unicode
    question_words: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def fold(self, text: str) -> str:
        """Fold a text with Unicode's full case folding (CPython's tables), and with the T entries if `dotted_i`."""
        return (text.translate(TURKIC) if self.dotted_i else text).casefold()

    def normalize_words(self, text: str) -> str:
        """Compose (NFC) and fold a text, and remove punctuation, ASCII's symbols and invisible characters.

        Punctuation is Unicode's category P, what SQuAD strips (ASCII's, `$+<=>^`|~` included), and every form of the
        apostrophe. Invisible is category Cf. All go without leaving a space, as in SQuAD. White space becomes single
        spaces, and spaces surround each character of a script that is written without them.

        Args:
            text: Any text.
        """
        return self._strip_punctuation(self._canonicalize(text))

    def normalize(self, text: str) -> str:
        """Normalize a text as `normalize_words` does and remove its articles.

        Args:
            text: An answer.

        Returns:
            Equal strings for equal answers.
        """
        folded = self._canonicalize(text)
        if self._elided is not None:
            folded = self._elided.sub("", folded)
        return " ".join(word for word in self._strip_punctuation(folded).split() if word not in self.articles)

    def split_words(self, normalized: str) -> list[str]:
        """Return the words of a text that `normalize` has made, which are the tokens of F1."""
        words = normalized.split()
        return list("".join(words)) if self.words_by is Words.characters else words

    def split_text(self, text: str) -> list[str]:
        """Return the words of a text as it is. Punctuation is a part of them, and white space of none."""
        words = text.split()
        if self.words_by is Words.characters:
            return list("".join(words))
        return words if self.words_by is Words.whitespace else insert_spaces(text).split()

    def _canonicalize(self, text: str) -> str:
        spaced = text.translate(dict.fromkeys(map(ord, self.separators), " "))
        return self.fold(unicodedata.normalize("NFC", spaced)).translate(ONE_APOSTROPHE)

    def _strip_punctuation(self, folded: str) -> str:
        ascii_only = self.punctuation is Punctuation.ascii
        kept = "".join(
            letter for letter in folded if not (letter in string.punctuation if ascii_only else _is_sign(letter))
        )
        if self.dotted_i:  # Python's lower() turns İ into an i with two dots or more
            kept = _DOTS.sub(r"i\1", unicodedata.normalize("NFD", kept))
        kept = unicodedata.normalize("NFC", kept)
        return " ".join((insert_spaces(kept) if self.words_by is not Words.characters else kept).split())

    @functools.cached_property
    def _elided(self) -> re.Pattern[str] | None:
        stems = [re.escape(word[:-1]) for word in sorted(self.articles) if word.endswith("'") and len(word) > 1]
        return re.compile(rf"(?<!\w)(?:{'|'.join(stems)})'(?=\w)") if stems else None


@functools.cache
def _is_sign(letter: str) -> bool:
    """Return whether a character is removed. Unicode's database is asked once per character."""
    category = unicodedata.category(letter)
    return category[0] == "P" or category == "Cf" or letter in string.punctuation or letter in APOSTROPHES


def get_language_rules(language: str) -> LanguageRules:
    """Return the rules of a language.

    A language without a file gets Unicode's default folding, keeps every word and has no question words.

    Args:
        language: A language tag. `tr`, `TR`, `tur` and `tr-TR` are the same.
    """
    known = load_language(language)
    return LanguageRules(
        language=shorten_code(language),
        articles=frozenset(known.articles),
        dotted_i=known.dotted_i,
        words_by=known.words_by,
        separators=known.separators,
        punctuation=known.punctuation,
        question_words=known.question_words,
    )


def resolve_language_rules(dataset: DatasetConfig) -> LanguageRules:
    """Return the rules of a data set's language, overridden by those that the data set gives.

    Args:
        dataset: The config group `dataset`, with `language`, `articles`, `dotted_i` and `question_words`.
    """
    own = get_language_rules(dataset.language)
    dotted_i = own.dotted_i if dataset.dotted_i is None else dataset.dotted_i
    articles = own.articles if dataset.articles is None else _fold_articles(dataset.articles, dotted_i)
    question_words = own.question_words if dataset.question_words is None else dataset.question_words
    return replace(own, articles=articles, dotted_i=dotted_i, question_words=question_words)


def resolve_primary_metric(dataset: DatasetConfig) -> str:
    """Return the name of the metric that sweepers maximize and reports rank by.

    Args:
        dataset: The config group `dataset`. Its `primary_metric` decides, or else the language: the official F1, or the
            one by the language's rules if the words of the official one mean nothing.
    """
    if dataset.primary_metric is not None:
        return dataset.primary_metric.value
    spaced = get_language_rules(dataset.language).words_by is Words.whitespace
    return PrimaryMetric.f1.value if spaced else PrimaryMetric.f1_language.value


def _fold_articles(words: Iterable[str], dotted_i: bool) -> frozenset[str]:
    """Fold the articles of a config, so that it may contain `The` or `L’`."""
    rules = LanguageRules(dotted_i=dotted_i)
    elided = {word: word.strip().endswith(tuple(APOSTROPHES)) for word in words}
    folded = {rules.normalize_words(word) + ("'" if elided[word] else "") for word in elided}
    return frozenset(folded - {"", "'"})
