"""What is known of a language: one file per language, `languages/<code>.yaml`, and defaults for every other one."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Optional, cast

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.language_codes import find_language_name, shorten_code
from mlqa.errors import DataError, summarize_error

Glossed = list[tuple[str, str]]  # the morphemes of a word as they appear in it, with their meanings

FOLDER = Path(__file__).with_name("languages")


class Words(Enum):
    """What the words of a language are, for scores and for the figures of a tokenizer."""

    whitespace = "whitespace"  # runs of anything but white space
    mixed = "mixed"  # each character of a script without spaces, and runs of the others
    characters = "characters"  # each character


class Punctuation(Enum):
    """Which signs do not count when two answers are compared."""

    unicode = "unicode"  # Unicode's category P and what SQuAD strips
    ascii = "ascii"  # what SQuAD strips


class Analyzer(Enum):
    """Morphological analyzers that mlqa can call."""

    zeyrek = "zeyrek"


@dataclass
class Prompt:
    """How a language model is asked in the language.

    Attributes:
        instruction: What to do: copy the shortest span of the passage that answers the question, and write no more.
        from_memory: What to do if the passage is withheld, to see what the model remembers.
        no_answer_rule: What to write if the passage does not answer the question: `no_answer`. For data sets with such
            questions only.
        no_answer: That text.
        context: Heading of the passage.
        question: Heading of the question.
        answer: Heading of the answer.
    """

    instruction: str = MISSING
    from_memory: str = MISSING
    no_answer_rule: str = MISSING
    no_answer: str = MISSING
    context: str = MISSING
    question: str = MISSING
    answer: str = MISSING


@dataclass
class Language:
    """The keys of a language's file. A language without a file has the defaults.

    Attributes:
        name: The language's English name.
        articles: Words that do not count when two answers are compared, as `LanguageRules.fold` folds them. A word
            that ends with an apostrophe is elided and also goes from the beginning of a word (l'homme).
        words_by: What a word is. If it is not a run between white space, the words of SQuAD's script mean nothing, and
            the F1 by the language's rules is the primary metric.
        separators: Signs that become a space when two answers are compared, before other punctuation is removed.
        punctuation: Which signs are removed without leaving a space.
        dotted_i: Whether dotted and dotless i are different letters, so that I folds to ı and İ to i.
        optional_circumflex: Whether a word may be written with or without its circumflexes (kâğıt, kağıt).
        analyser: The morphological analyzer for words that the list below lacks.
        question_words: {question type: patterns}. The first type that matches anywhere in the question wins, so "ne
            zaman" (when) comes before "ne" (what). `stem*` matches any ending, two words must follow each other.
        prompt: How a language model is asked. null: in English.
        source: The source of the words and their morphemes, with the licence.
        words: {word: its readings}, the examples that every run shows. `read_readings` has the forms of a value.
        suffix_families: {family: meanings}. Which meanings, in `words` or by the analyzer, make up a family of
            suffixes, such as the cases.
    """

    name: str = MISSING
    articles: list[str] = field(default_factory=list)
    words_by: Words = Words.whitespace
    separators: str = ""
    punctuation: Punctuation = Punctuation.unicode
    dotted_i: bool = False
    optional_circumflex: bool = False
    analyser: Optional[Analyzer] = None
    question_words: dict[str, list[str]] = field(default_factory=dict)
    prompt: Optional[Prompt] = None
    source: str = ""
    words: dict[str, Any] = field(default_factory=dict)
    suffix_families: dict[str, list[str]] = field(default_factory=dict)


def load_language(language: str) -> Language:
    """Return what is known of a language.

    Args:
        language: A language tag, such as `tr` or `pt-BR`. Only its language counts, by ISO 639-1 or 639-3.

    Raises:
        DataError: If the language's file has an unknown key, a wrong value, or morphemes that do not add up to their
            word.
    """
    code = shorten_code(language)
    path = FOLDER / f"{code}.yaml"
    return _read_language(path) if path.is_file() else Language(name=find_language_name(code))


@functools.cache
def _read_language(path: Path) -> Language:
    try:
        content = OmegaConf.merge(OmegaConf.structured(Language), OmegaConf.load(path))
        language = cast(Language, OmegaConf.to_object(content))
    except OmegaConfBaseException as error:
        key = f"{error.full_key}: " if error.full_key else ""
        raise DataError(f"{path}: {key}{summarize_error(error)}") from None
    for word, value in language.words.items():
        try:
            readings = read_readings(value)
        except ValueError as error:
            raise DataError(f"{path}: words.{word}: {error}") from None
        if any("".join(morpheme for morpheme, _ in reading) != word for reading in readings):
            raise DataError(f"{path}: words.{word}: the morphemes do not add up to the word; correct them")
    return language


def read_readings(value: Any) -> list[Glossed]:
    """Read the readings of a word: the ways in which it can be cut into morphemes, the most common one first.

    Args:
        value: `[kedi: cat, ler: plural]` for one reading, a list of such lists for several, or, without meanings,
            `kedi+ler+i | kedi+leri`.

    Returns:
        [[(morpheme as it appears in the word, its meaning or "")]].

    Raises:
        ValueError: If it has none of these forms.
    """
    if isinstance(value, str):
        readings = [[(part, "") for part in re.split(r"[+\s]+", way.strip())] for way in value.split("|")]
    elif isinstance(value, list) and value and all(isinstance(way, list) for way in value):
        readings = [_read_reading(way) for way in value]
    else:
        readings = [_read_reading(value)]
    if not all(reading and all(part for part, _ in reading) for reading in readings):
        raise ValueError("a morpheme is empty; write kedi+ler+i | kedi+leri or [kedi: cat, ler: plural, i: its]")
    return readings


def _read_reading(value: Any) -> Glossed:
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise ValueError("write kedi+ler+i | kedi+leri or [kedi: cat, ler: plural, i: its]")
    return [(str(morpheme), str(meaning)) for part in value for morpheme, meaning in part.items()]
