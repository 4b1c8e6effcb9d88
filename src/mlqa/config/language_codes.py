"""Codes of languages: ISO 639-1 and 639-3, what a wrong code probably means, and the language of a text.

languages.tsv, countries.tsv and scripts.tsv beside this file name their sources.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import re
import unicodedata
from collections import Counter
from pathlib import Path

_TAG = re.compile(r"([A-Za-z]{2,3})(-[A-Za-z0-9]{1,8})*$")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
DETECTOR = "py3langid"  # an optional library, 5 MB
SAMPLE_BYTES = 1 << 16  # of a file, to see what it is written in
SCRIPT_SHARE = 0.2  # of the letters, because JSON also has Latin names of members


@functools.cache
def _read_table(name: str) -> list[list[str]]:
    text = Path(__file__).with_name(name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


@functools.cache
def _index_codes() -> dict[str, tuple[str, str]]:
    """Return {any code of a language: (its shortest code, its English name)}."""
    table = _read_table("languages.tsv")
    return {other: (code, name) for code, others, name in table for other in (code, *filter(None, others.split(",")))}


def shorten_code(language: str) -> str:
    """Return the ISO 639-1 code of a language tag, 639-3 if it has none: "tr" for `tr`, `TR`, `tur` and `tr-TR`.

    A code that does not exist is returned in lower case.
    """
    code: str = re.split(r"[-_]", language.strip())[0].lower()
    return _index_codes().get(code, (code, ""))[0]


def find_language_name(language: str) -> str:
    """Return the English name of a language tag's language, or its code if that does not exist."""
    code = shorten_code(language)
    return _index_codes().get(code, (code, code))[1]


def find_code_problem(language: str) -> str | None:
    """Explain why a text is no language tag, and which one is probably meant.

    Args:
        language: A tag, such as `tr`, `tur` or `pt-BR`.

    Returns:
        The explanation, or None if the tag is valid.
    """
    given = language.strip()
    tag = _TAG.match(given)
    if tag and tag[1].lower() in _index_codes():
        return None
    advice = "give the ISO 639-1 or 639-3 code of the language, e.g. tr, fi, pt-BR"
    base = re.split(r"[-_.]", given)[0].lower()
    if base in _index_codes() and not tag:
        code, name = _index_codes()[base]
        return f"is not a language tag; {name} is {code}"
    country = next((row for row in _read_table("countries.tsv") if row[0] == base), None)
    if country is not None:
        code, name = _index_codes()[country[2]]
        return f"{given} is a country ({country[1]}), {name} is {code}"
    by_name = {name.lower(): (code, name) for code, name in reversed(_index_codes().values())}
    if match := difflib.get_close_matches(given.lower(), by_name, n=1, cutoff=0.8):
        code, name = by_name[match[0]]
        return f"is not a language code; {name} is {code}"
    return f"is not a language code; {advice}"


def suggest_language(path: str | None) -> str:
    """Return what to set dataset.language to, for a data set whose language is not set.

    Args:
        path: A file of the data set, or None.
    """
    text = _read_sample(path)
    advice = (
        "mlqa takes no language for granted; give the ISO 639-1 or 639-3 code of the data, e.g. dataset.language=tr"
    )
    if not text:
        return advice
    try:
        detected = str(importlib.import_module(DETECTOR).classify(text)[0])
    except ImportError:
        script = detect_script(text)
        seen = f". {Path(str(path)).name} is in the script of {_describe(script)}" if script else ""
        return f"{advice}{seen}. `pip install {DETECTOR}` lets this message name the language"
    return f"{advice}. {DETECTOR} takes {Path(str(path)).name} for {_describe(detected)}"


def detect_script(text: str) -> str | None:
    """Return the code of the best-known language of a text's script, or None for Latin and for unknown scripts."""
    letters = Counter(unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha())
    scripts = {row[0]: row[1] for row in _read_table("scripts.tsv")}
    of_language: Counter[str] = Counter()
    for script, count in letters.items():
        of_language[scripts.get(script, "")] += count
    code, count = max(
        ((code, count) for code, count in of_language.items() if code), default=("", 0), key=lambda one: one[1]
    )
    if count <= SCRIPT_SHARE * letters.total():
        return None
    # Japanese is written with Chinese characters as well, and kana are a tenth of it or more.
    kana = scripts["HIRAGANA"]
    return kana if code == scripts["CJK"] and of_language[kana] > count / 20 else code


def _describe(code: str) -> str:
    return f"{find_language_name(code)} ({shorten_code(code)})"


def _read_sample(path: str | None) -> str:
    """Return the beginning of a text file, with JSON's escapes resolved, or "" if there is none."""
    if not path:
        return ""
    try:
        with Path(path).expanduser().open("rb") as file:
            text = file.read(SAMPLE_BYTES).decode("utf-8", "ignore")
    except OSError:
        return ""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).replace("\\n", " ")
