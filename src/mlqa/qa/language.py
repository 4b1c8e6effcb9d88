"""The form in which two answers count as the same in a language: beside SQuAD's own, which is made for English.

SQuAD's script folds `I` to `i` and `İ` to two code points, knows only ASCII punctuation and takes the word `a` for an
article. Here a text is composed (NFC), folded by the language's rules, and loses Unicode punctuation and only the
articles that the language has.
"""

from __future__ import annotations

import unicodedata

# The entries of status T in Unicode's CaseFolding.txt: dotted and dotless i are letters of their own.
_TURKIC = str.maketrans({"I": "ı", "İ": "i"})
TURKIC_LANGUAGES = frozenset({"tr", "az"})

# Languages not named here lose no word: Turkish, Azerbaijani and Finnish have no articles.
ARTICLES: dict[str, frozenset[str]] = {
    "en": frozenset({"a", "an", "the"}),
    "hu": frozenset({"a", "az", "egy"}),
}


def normalize_answer(text: str, language: str) -> str:
    """`text` composed, case-folded, without punctuation (Unicode category P) and articles, white space folded.

    `language` is an ISO 639-1 code; one without rules of its own gets Unicode's default folding and keeps every word.
    """
    text = unicodedata.normalize("NFC", text)
    if language in TURKIC_LANGUAGES:
        text = text.translate(_TURKIC)
    text = unicodedata.normalize("NFC", text.casefold())
    kept = "".join(letter for letter in text if not unicodedata.category(letter).startswith("P"))
    articles = ARTICLES.get(language, frozenset())
    return " ".join(word for word in kept.split() if word not in articles)
