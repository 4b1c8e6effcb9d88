"""When two answers are the same in a language: beside SQuAD's own rules, which are made for English, never instead.

SQuAD's script folds `I` to `i` and `İ` to two code points, knows only ASCII punctuation, takes the word `a` for an
article in any language and splits nothing that is written without spaces. `LanguageRules.normalize` says what is done
here, step by step; docs/metrics.md says why.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from mlqa.data.scripts import ANY_UNSPACED, APOSTROPHES, DOTTED_I, TURKIC
from mlqa.metrics.question_words import QUESTION_WORDS

if TYPE_CHECKING:
    from mlqa.config.schema import DatasetConfig

# The dots of an i in decomposed text; marks below the letter come first there.
_DOTS = re.compile("i([\u0316-\u0333]*)\u0307+")

_ONE_APOSTROPHE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))

# Languages not named here lose no word; Turkish, Azerbaijani and Finnish have no articles. A word that ends with an
# apostrophe is an elided one: it goes from the beginning of a word (l'homme). de, en and es as in Lewis et al. 2020.
ARTICLES: dict[str, frozenset[str]] = {
    "de": frozenset("ein eine einen einem eines einer der die das den dem des".split()),
    "en": frozenset({"a", "an", "the"}),
    "es": frozenset("un una unos unas el la los las".split()),
    "fr": frozenset("le la les l' un une des".split()),
    "hu": frozenset({"a", "az", "egy"}),
    "it": frozenset("il lo la i gli le l' un uno una un'".split()),
    "nl": frozenset({"de", "het", "een"}),
    "pt": frozenset("o a os as um uma uns umas".split()),
}


@dataclass(frozen=True)
class LanguageRules:
    """How a language compares answers: `articles` are folded words that do not count, `dotted_i` whether I folds to ı
    and İ to i, `question_words` the patterns of each question type, in order (empty: none are known)."""

    language: str = ""
    articles: frozenset[str] = frozenset()
    dotted_i: bool = False
    question_words: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def fold(self, text: str) -> str:
        """`text` with Unicode's full case folding (CPython's tables), with the T entries where `dotted_i`."""
        return (text.translate(TURKIC) if self.dotted_i else text).casefold()

    def normalize_words(self, text: str) -> str:
        """`text` composed (NFC), folded, and without punctuation, symbols of ASCII and invisible characters; white
        space becomes single spaces, which also stand around each character of a script written without spaces.

        Punctuation is what Unicode puts into category P, what SQuAD strips (ASCII's, `$+<=>^`|~` included), and every
        form of the apostrophe; invisible is category Cf. All go without leaving a space, as in SQuAD.
        """
        return self._strip_punctuation(self._canonicalize(text))

    def normalize(self, text: str) -> str:
        """`words` of the text without the articles: equal strings are equal answers, words are the tokens of F1."""
        folded = self._canonicalize(text)
        if self._elided is not None:
            folded = self._elided.sub("", folded)
        return " ".join(word for word in self._strip_punctuation(folded).split() if word not in self.articles)

    def _canonicalize(self, text: str) -> str:
        return self.fold(unicodedata.normalize("NFC", text)).translate(_ONE_APOSTROPHE)

    def _strip_punctuation(self, folded: str) -> str:
        kept = "".join(letter for letter in folded if not _SIGNS[letter])
        if self.dotted_i:  # what Python's lower() leaves of İ: an i whose dot stands twice, or more often
            kept = _DOTS.sub(r"i\1", unicodedata.normalize("NFD", kept))
        kept = unicodedata.normalize("NFC", kept)
        return " ".join((_insert_spaces(kept) if ANY_UNSPACED.search(kept) else kept).split())

    @cached_property
    def _elided(self) -> re.Pattern[str] | None:
        stems = [re.escape(word[:-1]) for word in sorted(self.articles) if word.endswith("'") and len(word) > 1]
        return re.compile(rf"(?<!\w)(?:{'|'.join(stems)})'(?=\w)") if stems else None


class _Signs(dict[str, bool]):
    """Whether a character goes, asked of Unicode's database once a character."""

    def __missing__(self, letter: str) -> bool:
        category = unicodedata.category(letter)
        sign = category[0] == "P" or category == "Cf" or letter in string.punctuation or letter in APOSTROPHES
        self[letter] = sign
        return sign


_SIGNS = _Signs()


def _insert_spaces(text: str) -> str:
    """Spaces around each character of an unspaced script and the marks upon it; its digits stay numbers."""
    pieces: list[str] = []
    open_cluster = False
    for letter in text:
        if open_cluster and unicodedata.category(letter)[0] == "M":
            pieces.append(letter)
            continue
        alone = bool(ANY_UNSPACED.match(letter)) and unicodedata.category(letter)[0] in "LM"
        if alone or open_cluster:
            pieces.append(" ")
        pieces.append(letter)
        open_cluster = alone
    return "".join(pieces)


def get_language_rules(language: str) -> LanguageRules:
    """The rules of a language code: `tr`, `TR` and `tr-TR` alike. A language without rules of its own gets Unicode's
    default folding, keeps every word and knows no question words."""
    code = re.split(r"[-_]", language.strip())[0].lower()
    return LanguageRules(code, ARTICLES.get(code, frozenset()), code in DOTTED_I, QUESTION_WORDS.get(code, {}))


def resolve_language_rules(dataset: DatasetConfig) -> LanguageRules:
    """The rules of the data set's language, with those that the data set sets itself in their place."""
    own = get_language_rules(dataset.language)
    dotted_i = own.dotted_i if dataset.dotted_i is None else dataset.dotted_i
    articles = own.articles if dataset.articles is None else _fold_articles(dataset.articles, dotted_i)
    question_words = own.question_words if dataset.question_words is None else dataset.question_words
    return LanguageRules(own.language, articles, dotted_i, question_words)


def _fold_articles(words: Iterable[str], dotted_i: bool) -> frozenset[str]:
    """Articles in the form they are compared in, so that `The` or `L’` may stand in a config."""
    rules = LanguageRules(dotted_i=dotted_i)
    elided = {word: word.strip().endswith(tuple(APOSTROPHES)) for word in words}
    folded = {rules.normalize_words(word) + ("'" if elided[word] else "") for word in elided}
    return frozenset(folded - {"", "'"})
