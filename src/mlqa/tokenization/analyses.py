"""A Turkish word's analyses by zeyrek (MIT, a port of Zemberek), cached on disk between runs.

zeyrek takes seconds to import and to read its dictionaries, and a millisecond per word. The members of a sweep analyze
the same words, so the cache saves them from loading zeyrek at all. The first member has a process of its own fill the
cache, while torch is imported.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from mlqa.environment import get_cache_dir
from mlqa.errors import summarize_error

log = logging.getLogger(__name__)

FORMAT = 2  # raise it if the stored form of an analysis changes
POLL_SECONDS = 0.02
WORTH_A_PROCESS = 500  # words: half a second of analysis, beside the seconds that both processes take to load zeyrek
MAX_BYTES = 256 * 2**20  # some hundred thousand words: a larger file is deleted and started anew


class Morpheme(NamedTuple):
    """A root or suffix: its surface in the word ("" if it is not audible), and zeyrek's name and id for it."""

    surface: str
    name: str
    id: str
    derivational: bool


class Analysis(NamedTuple):
    """One reading of a word: its lemma and its morphemes, the root first."""

    lemma: str
    morphemes: list[Morpheme]


@functools.lru_cache(maxsize=40_000)
def find_analyses(word: str) -> list[Analysis]:
    """Return every analysis of a word, from the cache if it is there.

    Args:
        word: A word whose apostrophe, if it has one, is ASCII's.

    Returns:
        The analyses. Empty if zeyrek does not know the word.

    Raises:
        ImportError: If zeyrek is not installed.
        Exception: If zeyrek itself fails, whatever its error.
    """
    store = _open_store(get_cache_dir() / "morphology", os.getpid())
    for text in store.find(word) or _wait_for_helper(store, word):
        try:
            return [
                Analysis(lemma, [Morpheme(*morpheme) for morpheme in morphemes])
                for lemma, morphemes in json.loads(text)
            ]
        except (ValueError, TypeError) as error:
            store.give_up(error)
    analyses = _analyze_with_zeyrek(word)
    text = json.dumps(analyses, ensure_ascii=False, separators=(",", ":"))
    store.execute("INSERT OR REPLACE INTO analyses VALUES (?, ?)", word, text)
    return analyses


def analyze_ahead(words: Iterable[str]) -> None:
    """Let another process fill the cache with the analyses of words, and return at once.

    `find_analyses` then waits for a word that this process has not reached yet, and analyzes itself what it left out.
    Nothing is started if few words are missing in the cache, if it cannot be written, or if this process has loaded
    zeyrek already.

    Args:
        words: Words of letters only, in the order in which they will be asked for.
    """
    global _helper
    store = _open_store(get_cache_dir() / "morphology", os.getpid())
    missing = [word for word in words if not store.find(word)] if store.connection else []
    if len(missing) < WORTH_A_PROCESS or load_analyzer.cache_info().currsize or (_helper and _helper.poll() is None):
        return
    code = f"import sys; sys.path[:] = {sys.path!r}; from mlqa.tokenization import analyses; analyses.fill_cache()"
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with suppress(OSError):  # without it, this process analyzes the words itself
        _helper = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=nowhere, stderr=nowhere)
        assert _helper.stdin is not None
        with _helper.stdin as stream:
            stream.write(json.dumps(missing).encode())


def fill_cache() -> None:
    """Analyze the words on stdin, a JSON list. This is what the process that `analyze_ahead` starts does."""
    for word in json.load(sys.stdin.buffer):
        find_analyses(word)


_helper: subprocess.Popen[bytes] | None = None  # the process that analyzes ahead


def _wait_for_helper(store: _Store, word: str) -> list[str]:
    """Return the stored analyses of a word as soon as the helper has it, nothing if it has ended without it."""
    while _helper and _helper.poll() is None:
        if found := store.find(word):
            return found
        time.sleep(POLL_SECONDS)
    return store.find(word) if _helper else []


def _analyze_with_zeyrek(word: str) -> list[Analysis]:
    parses = load_analyzer()._parse(word)  # analyze() would download NLTK's data
    return [
        Analysis(
            str(parse.dict_item.lemma),
            [
                Morpheme(surface, morpheme.name, morpheme.id_, bool(morpheme.derivational))
                for morpheme, surface in parse.morphemes
            ],
        )
        for parse in parses
    ]


@functools.cache
def load_analyzer() -> Any:
    """Load zeyrek's analyzer, which takes some three seconds to read its dictionaries.

    It logs each analysis as a warning, so its logger is set to errors only.
    """
    logging.getLogger("zeyrek").setLevel(logging.ERROR)
    import zeyrek
    from zeyrek import rulebasedanalyzer
    from zeyrek.morphotactics import SearchPath

    # It changes sets of the dictionary and of a function that remembers its results, so that a word may be unknown
    # after another one was analyzed (yapılmıştır after yaptık). Each search gets sets of its own.
    remembered, initialize = rulebasedanalyzer.calculate_phonetic_attributes, SearchPath.__init__
    rulebasedanalyzer.calculate_phonetic_attributes = lambda *arguments: set(remembered(*arguments))

    def initialize_with_own_set(
        path: Any, tail: str, state: Any, transitions: Any, attributes: set[Any], terminal: bool
    ) -> None:
        initialize(path, tail, state, transitions, set(attributes), terminal)

    SearchPath.__init__ = initialize_with_own_set

    # It formats each step of its search for its debug log, even if nobody reads it: half the time of an analysis.
    SearchPath.__str__ = object.__repr__
    return zeyrek.MorphAnalyzer()


class _Store:
    """Analyses by word in an SQLite file that any number of runs share. After the first failure it stores nothing."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"zeyrek-{version('zeyrek')}-{FORMAT}.sqlite"
        self.connection: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size > MAX_BYTES:
                self.path.unlink()
            self.connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            self.give_up(error)
        # What a power cut destroys is computed again: there is no need to wait for the disk.
        self.execute("PRAGMA synchronous = OFF")
        self.execute("CREATE TABLE IF NOT EXISTS analyses (word TEXT PRIMARY KEY, found TEXT)")

    def execute(self, statement: str, *values: str) -> list[Any]:
        """Execute an SQL statement and return its rows, none if it fails."""
        if self.connection is None:
            return []
        try:
            return self.connection.execute(statement, values).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            self.give_up(error)
            return []

    def find(self, word: str) -> list[str]:
        """Return the stored analyses of a word, as a list of one text, or of none."""
        return [text for (text,) in self.execute("SELECT found FROM analyses WHERE word = ?", word)]

    def give_up(self, error: Exception) -> None:
        """Store nothing more in this process, and delete a damaged file so that the next run creates it anew."""
        self.connection = None
        log.warning("%s: analyses of words are not cached: %s", self.path, summarize_error(error))
        if type(error) is sqlite3.DatabaseError or isinstance(error, ValueError | TypeError):
            with suppress(OSError):
                self.path.unlink()


@functools.lru_cache(maxsize=1)
def _open_store(folder: Path, process: int) -> _Store:
    """Open one store per process: a connection does not survive a fork."""
    return _Store(folder)
