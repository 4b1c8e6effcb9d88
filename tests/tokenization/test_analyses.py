"""Analyses kept on disk: what zeyrek said once is not asked again, and no damage to the file costs more than that."""

from __future__ import annotations

import functools
import logging
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import python
from installed import require_installed

from mlqa.tokenization import analyses as kept
from mlqa.tokenization.analyses import Analysis, find_analyses
from mlqa.tokenization.morphology import classify_inflections, count_morphemes, read_words
from mlqa.tokenization.readings import Lexicon

require_installed("zeyrek")

TURKISH = Lexicon("tr")
WORDS = ["kedileri", "evlerimizden", "Ankara'nın", "Fakültesi'ni", "Wiedemann", "gelmişlerdi", "220cm"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MLQA_CACHE", str(tmp_path / "cache"))
    _forget()
    yield tmp_path / "cache" / "morphology"
    _forget()


def _forget() -> None:
    """As a new process begins."""
    kept._open_store.cache_clear()
    find_analyses.cache_clear()
    kept._helper = None


def _all_that_is_said() -> object:
    return (
        classify_inflections(WORDS, TURKISH),
        read_words(WORDS, TURKISH),
        count_morphemes(WORDS, TURKISH),
    )


def _by_zeyrek(word: str) -> list[Analysis]:
    return kept._analyze_with_zeyrek(word)


@pytest.mark.slow
def test_the_next_process_does_not_load_zeyrek(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _all_that_is_said()
    (house,) = read_words(["evlerimizde"], TURKISH)["evlerimizde"].readings
    assert house.surfaces == ("ev", "ler", "imiz", "de")
    _forget()
    monkeypatch.setattr(kept, "load_analyzer", None)
    assert _all_that_is_said() == said


@pytest.mark.slow
def test_what_is_kept_is_what_was_found() -> None:
    for word in WORDS:
        find_analyses(word)
    _forget()
    assert [find_analyses(word) for word in WORDS] == [_by_zeyrek(word) for word in WORDS]


@pytest.mark.parametrize("content", [b"no database " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_told_of_once_and_made_again(
    folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    said = _all_that_is_said()
    (path,) = folder.iterdir()
    path.write_bytes(content)
    _forget()
    assert _all_that_is_said() == said
    (record,) = caplog.records
    assert str(path) in record.message and "not cached" in record.message
    caplog.clear()
    for _ in range(2):
        _forget()
        assert _all_that_is_said() == said
    assert not caplog.records


@pytest.mark.parametrize("found", ["{", "null", "[[1]]", "[3]", '[["ev", [["ev"]]]]'])
def test_a_damaged_row_is_no_answer(folder: Path, found: str, caplog: pytest.LogCaptureFixture) -> None:
    find_analyses("evde")
    (path,) = folder.iterdir()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE analyses SET found = ?", (found,))
    connection.close()
    _forget()
    assert find_analyses("evde") == _by_zeyrek("evde")
    assert len(caplog.records) == 1
    assert not path.exists()


def test_a_folder_that_cannot_be_made_costs_a_line(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.parent.parent.mkdir(exist_ok=True)
    folder.parent.write_text("a file")
    assert find_analyses("evde") == _by_zeyrek("evde")
    assert find_analyses("evler") == _by_zeyrek("evler")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_file_that_has_grown_too_large_is_begun_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_analyses("evde")
    (path,) = folder.iterdir()
    monkeypatch.setattr(kept, "MAX_BYTES", path.stat().st_size - 1)
    _forget()
    find_analyses("evler")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT word FROM analyses").fetchall() == [("evler",)]
    connection.close()


def _begin_without_zeyrek(monkeypatch: pytest.MonkeyPatch) -> None:
    kept.load_analyzer.cache_clear()
    monkeypatch.setattr(kept, "WORTH_A_PROCESS", 1)


def test_no_process_is_started_for_a_few_words_or_beside_zeyrek(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept.subprocess, "Popen", None)
    kept.analyze_ahead(["kedileri"])
    _by_zeyrek("evde")
    monkeypatch.setattr(kept, "WORTH_A_PROCESS", 1)
    kept.analyze_ahead(["kedileri"])


@pytest.mark.slow
def test_another_process_analyzes_ahead_and_this_one_never_loads_zeyrek(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [word for word in WORDS if word.isalpha()]
    expected = [_by_zeyrek(word) for word in words]
    _begin_without_zeyrek(monkeypatch)
    kept.analyze_ahead(words)

    @functools.cache
    def load() -> None:
        raise AssertionError("zeyrek is loaded here")

    monkeypatch.setattr(kept, "load_analyzer", load)
    assert [find_analyses(word) for word in words] == expected  # it waits for words that are not there yet
    assert kept._helper is not None and kept._helper.wait(60) == 0
    monkeypatch.setattr(subprocess, "Popen", None)
    kept.analyze_ahead(words)  # all of them are there: nothing is started


@pytest.mark.slow
def test_what_the_other_process_does_not_deliver_is_analyzed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    _begin_without_zeyrek(monkeypatch)
    monkeypatch.setattr(kept.sys, "executable", "/bin/false")
    kept.analyze_ahead(["kedileri"])
    assert find_analyses("kedileri") == _by_zeyrek("kedileri")
    monkeypatch.setattr(kept.sys, "executable", "/no/such/python")
    kept.analyze_ahead(["evlerimizden"])
    assert find_analyses("evlerimizden") == _by_zeyrek("evlerimizden")


@pytest.mark.slow
def test_several_processes_write_at_once(folder: Path) -> None:
    words = [f"{stem}{suffix}" for stem in ("ev", "el", "iş", "göz") for suffix in ("ler", "de", "den", "im")]
    code = f"from mlqa.tokenization.analyses import find_analyses\nfor word in {words!r}: find_analyses(word)"
    running = [subprocess.Popen([*python("training"), "-c", code], stderr=subprocess.PIPE) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in running] == [(b"", 0)] * 2
    with sqlite3.connect(next(folder.iterdir())) as connection:
        assert {word for (word,) in connection.execute("SELECT word FROM analyses")} == set(words)
    connection.close()


def test_no_word_is_forgotten_over_another() -> None:
    before = _by_zeyrek("yapılmıştır")
    assert before
    _by_zeyrek("yaptık")
    assert _by_zeyrek("yapılmıştır") == before
