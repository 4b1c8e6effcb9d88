r"""Files of words: for the word table (`words_file`) and for figures over gold morphemes (`dataset.segmentation_file`).

The ending of the name decides the format (UTF-8), and another ending is refused:

.txt, .tsv              one word per line, and if they are known a tab and its morphemes: `evlerimiz<tab>ev ler imiz`.
                        Spaces or plus signs separate morphemes, bars separate alternatives, the likeliest first.
.csv                    with a heading: `word` (or wordform, form), and possibly `morphemes` and `lemma`. The columns of
                        MorphScore's data are read as well: full_word, pt1 and rest (version 1), and wordform, lemma,
                        stem, preceding_part, following_part and word_freq_norm (version 2).
.conllu                 the treebanks of Universal Dependencies: words with their lemmas. Morphemes are read from MSeg
                        in the last column, or from a lemma such as 고향+은 that joins to the word.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from mlqa.config.data_files import find_ending_problem
from mlqa.data.file_errors import explain_read_errors
from mlqa.errors import DataError
from mlqa.tokenization.readings import Reading

_WORD = ("word", "wordform", "form", "full_word")


class WordEntry(NamedTuple):
    """A word of a file.

    Attributes:
        word: The word as it is written.
        readings: Its readings, the likeliest first. Empty if the file has none.
        lemma: Its dictionary form, "" if the file has none.
        weight: How often the word occurs, 1 if the file does not say.
    """

    word: str
    readings: list[Reading]
    lemma: str = ""
    weight: float = 1.0


def read_word_file(path: str | Path) -> list[WordEntry]:
    """Read a file of words.

    Returns:
        The distinct words, in the order of the file.

    Raises:
        DataError: If the name has another ending, the file cannot be read or has no word, or a word's morphemes do not
            join to it.
    """
    file = Path(path).expanduser()
    if problem := find_ending_problem(str(path)):
        raise DataError(f"{path}: {problem}")
    with explain_read_errors(file):
        text = file.read_text("utf-8-sig")
    entries: dict[str, WordEntry] = {}
    for number, entry in _READERS[file.suffix.lower()](text, str(path)):
        if not all("".join(way.surfaces) == entry.word for way in entry.readings):
            raise DataError(f"{path}, line {number}: the morphemes of {entry.word} do not join to it; {_ADVICE}")
        entries.setdefault(entry.word, entry)
    if not entries:
        raise DataError(f"{path}: no word in this file; give one word per line")
    return list(entries.values())


_ADVICE = "write word<tab>mor phemes|mor pheme s"


def _read_lines(text: str, path: str) -> Iterator[tuple[int, WordEntry]]:
    for number, line in enumerate(text.splitlines(), 1):
        word, _, rest = line.strip("\n").partition("\t")
        word, morphemes = word.strip(), rest.split("\t")[0]
        if len(word.split()) > 1:
            raise DataError(f"{path}, line {number}: {word!r} is not one word; {_ADVICE}")
        if word:
            yield number, WordEntry(word, _read_alternatives(morphemes))


def _read_table(text: str, path: str) -> Iterator[tuple[int, WordEntry]]:
    dialect = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    rows = csv.DictReader(io.StringIO(text), delimiter=dialect)
    heading = next((name for name in _WORD if name in (rows.fieldnames or ())), None)
    if heading is None:
        raise DataError(f"{path}: no column of words; name one of its columns word, and the morphemes' morphemes")
    for row in rows:
        word = (row[heading] or "").strip()
        if not word:
            continue
        weight = row.get("word_freq_norm") or row.get("word_freq") or row.get("count") or 1.0
        yield rows.line_num, WordEntry(word, _read_row(row), (row.get("lemma") or "").strip(), float(weight))


def _read_row(row: dict[str, str]) -> list[Reading]:
    for columns in (("pt1", "rest"), ("preceding_part", "stem", "following_part")):
        if columns[-1] in row:
            parts = [(part, "") for column in columns if (part := row.get(column) or "")]
            return [Reading(parts)] if parts else []
    return _read_alternatives(row.get("morphemes") or "")


def _read_alternatives(text: str) -> list[Reading]:
    ways = [re.split(r"[\s+]+", way.strip()) for way in text.split("|")] if text.strip() else []
    return [Reading([(part, "") for part in way]) for way in ways]


def _read_treebank(text: str, path: str) -> Iterator[tuple[int, WordEntry]]:
    """Yield the words of a treebank once each, with their first lemma and their number of occurrences."""
    found: dict[str, tuple[int, WordEntry]] = {}
    counts: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        columns = line.split("\t")
        if not line.strip() or line.startswith("#") or not columns[0].isdigit():
            continue
        if len(columns) != 10:
            raise DataError(f"{path}, line {number}: {len(columns)} columns, but CoNLL-U has 10")
        word, lemma, part_of_speech = columns[1], columns[2], columns[3]
        if part_of_speech in ("PUNCT", "SYM") or len(word.split()) != 1:
            continue
        counts[word] += 1
        found.setdefault(word, (number, WordEntry(word, _read_segments(word, lemma, columns[9]), lemma)))
    for number, entry in found.values():
        yield number, entry._replace(weight=float(counts[entry.word]))


def _read_segments(word: str, lemma: str, miscellaneous: str) -> list[Reading]:
    marked = dict(pair.split("=", 1) for pair in miscellaneous.split("|") if "=" in pair).get("MSeg", "")
    for parts in (re.split(r"[-+ ]", marked), lemma.split("+")):
        if len(parts) > 1 and all(parts) and "".join(parts) == word:
            return [Reading([(part, "") for part in parts])]
    return []


_READERS: dict[str, Callable[[str, str], Iterator[tuple[int, WordEntry]]]] = {
    ".txt": _read_lines,
    ".tsv": _read_lines,
    ".csv": _read_table,
    ".conllu": _read_treebank,
}
