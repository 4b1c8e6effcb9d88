"""Test that cached tokens equal those of the tokenizer, whatever happens to the disk."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers.pre_tokenizers import PreTokenizer

from mlqa.data.sample import generate
from mlqa.errors import ModelError
from mlqa.features import token_cache, tokens
from mlqa.features.token_cache import PARTIAL, TokenCache
from mlqa.features.tokens import Tokens, tokenize
from mlqa.features.windows import make_windows
from mlqa.tokenization.scratch import train_tokenizer

SAMPLE = generate(40, seed=2)
TEXTS = [*SAMPLE.contexts, "", "  ", "ag\u0306ac\u0327", *SAMPLE.questions]
TOKENIZER = train_tokenizer(TEXTS, "wordpiece", 300, 512)
EXPECTED = tokenize(TOKENIZER, TEXTS)
NAMES = ("ids", "first", "starts", "ends")


def same(one: Tokens, other: Tokens) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        and getattr(one, name).dtype == getattr(other, name).dtype
        for name in NAMES
    )


def refuse(*_: Any, **__: Any) -> Any:
    pytest.fail("tokenized, though the tokens are in the cache")


def test_tokens_are_the_tokenizers_own() -> None:
    """Tokenize each text alone by the tokenizer's public call."""
    for number, text in enumerate(TEXTS):
        encoded = TOKENIZER(text, add_special_tokens=False, return_offsets_mapping=True)
        part = slice(EXPECTED.first[number], EXPECTED.first[number + 1])
        assert EXPECTED.ids[part].tolist() == encoded["input_ids"]
        if number < len(SAMPLE.contexts):
            found = list(zip(EXPECTED.starts[part].tolist(), EXPECTED.ends[part].tolist(), strict=True))
            assert found == encoded["offset_mapping"]


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "CHUNK", 50)
    assert same(tokenize(TOKENIZER, TEXTS), EXPECTED)


def test_a_second_run_tokenizes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "not" / "there"
    assert same(TokenCache(folder, TOKENIZER).tokenize(TEXTS), EXPECTED)
    windows = make_windows(SAMPLE, TOKENIZER, 128, 32, TokenCache(folder, TOKENIZER))
    monkeypatch.setattr(token_cache, "tokenize_in_chunks", refuse)
    assert same(TokenCache(folder, TOKENIZER).tokenize(TEXTS), EXPECTED)
    again = make_windows(SAMPLE, TOKENIZER, 128, 32, TokenCache(folder, TOKENIZER))
    assert same(again.context, windows.context) and np.array_equal(again.start_positions, windows.start_positions)


def test_other_texts_and_other_tokenizers_have_entries_of_their_own(tmp_path: Path) -> None:
    other = train_tokenizer(TEXTS, "wordpiece", 200, 512)
    for tokenizer, texts in ((TOKENIZER, ["ab", "c"]), (TOKENIZER, ["a", "bc"]), (other, ["ab", "c"])):
        assert same(TokenCache(tmp_path, tokenizer).tokenize(texts), tokenize(tokenizer, texts))
    assert len(list(tmp_path.iterdir())) == 3


def test_large_entries_are_mapped_and_written_as_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "MAPPED_FROM", 200)
    monkeypatch.setattr(tokens, "CHUNK", 100)
    for _ in range(2):
        found = TokenCache(tmp_path, TOKENIZER).tokenize(TEXTS)
        assert same(found, EXPECTED) and isinstance(found.ids.base, np.memmap)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("harm", ["cut", "empty", "gone", "pickle"])
def test_a_damaged_entry_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, harm: str) -> None:
    cache = TokenCache(tmp_path, TOKENIZER)
    cache.tokenize(TEXTS)
    (entry,) = tmp_path.iterdir()
    path = entry / name
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    elif harm == "pickle":
        ran = tmp_path.parent / f"{tmp_path.name}-ran"
        path.write_bytes(pickle.dumps(_Harmful(str(ran))))
    else:
        path.write_bytes({"cut": content[:-5], "empty": b""}[harm])
    with caplog.at_level(logging.WARNING):
        assert same(cache.tokenize(TEXTS), EXPECTED)
        assert same(cache.tokenize(TEXTS), EXPECTED)
    (line,) = [record.getMessage() for record in caplog.records]
    assert str(entry) in line and "made again" in line and "\n" not in line
    assert not (tmp_path.parent / f"{tmp_path.name}-ran").exists()


class _Harmful:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.path),)


@pytest.mark.parametrize("fault", ["a file", "full"])
def test_a_disk_that_takes_nothing_costs_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    folder = tmp_path / "tokens"
    if fault == "a file":
        folder.write_text("mine")
    else:

        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
    with caplog.at_level(logging.WARNING):
        cache = TokenCache(folder, TOKENIZER)
        assert same(cache.tokenize(TEXTS), EXPECTED)
        assert same(cache.tokenize(TEXTS), EXPECTED)
    (line,) = [record.getMessage() for record in caplog.records]
    assert str(folder) in line and "not cached" in line
    assert fault == "a file" or not list(folder.iterdir())


def test_a_tokenizer_that_cannot_be_written_down_is_not_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Words:
        def pre_tokenize(self, text: Any) -> None:
            text.split(lambda _, part: part.split(" ", "removed"))

    tokenizer = train_tokenizer(TEXTS, "wordpiece", 300, 512)
    tokenizer.backend_tokenizer.pre_tokenizer = PreTokenizer.custom(Words())
    with caplog.at_level(logging.WARNING):
        found = TokenCache(tmp_path, tokenizer).tokenize(["ev at"])
    assert same(found, tokenize(tokenizer, ["ev at"])) and not list(tmp_path.iterdir())
    assert "not cached" in caplog.text


def test_what_was_not_used_for_longest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = TokenCache(tmp_path, TOKENIZER)
    texts = [[text] for text in TEXTS[:4]]
    entries = []
    for number, some in enumerate(texts[:3]):
        cache.tokenize(some)
        entries.append(next(entry for entry in tmp_path.iterdir() if entry not in entries))
        os.utime(entries[-1], (number, number))
    cache.tokenize(texts[0])  # used again
    for name, age in (("old", 2 * token_cache.STALE_SECONDS), ("new", 60)):
        (tmp_path / f"{PARTIAL}{name}").mkdir()
        os.utime(tmp_path / f"{PARTIAL}{name}", (time.time() - age,) * 2)
    size = max(sum(file.stat().st_size for file in entry.iterdir()) for entry in entries)
    monkeypatch.setattr(token_cache, "MAX_BYTES", 2 * size + 100)
    cache.tokenize(texts[3])
    kept = {entry.name for entry in tmp_path.iterdir()}
    assert entries[0].name in kept and not {entries[1].name, entries[2].name} & kept
    assert len(kept) == 3 and f"{PARTIAL}new" in kept and f"{PARTIAL}old" not in kept


@pytest.mark.slow
def test_two_processes_that_make_the_same_entry_do_not_meet(tmp_path: Path) -> None:
    """Let both begin at once and each write for a second."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "import test_token_cache as here\n"
        "fsync = here.os.fsync\n"
        "here.os.fsync = lambda file: time.sleep(0.25) or fsync(file)\n"
        "found = here.TokenCache(Path(sys.argv[1]), here.TOKENIZER).tokenize(here.TEXTS)\n"
        "sys.exit(not here.same(found, here.EXPECTED))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert len(list(tmp_path.iterdir())) == 1 and "Warning" not in "".join(told)


def test_one_member_tokenizes_and_the_others_wait_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def tokenize_slowly(*arguments: Any) -> Any:
        made.append(1)
        time.sleep(0.3)
        return tokens.tokenize_in_chunks(*arguments)

    monkeypatch.setattr(token_cache, "tokenize_in_chunks", tokenize_slowly)
    with ThreadPoolExecutor() as members:
        found = list(members.map(lambda _: TokenCache(tmp_path / "tokens", TOKENIZER).tokenize(TEXTS), range(4)))
    assert all(same(one, EXPECTED) for one in found) and len(made) == 1


def test_a_disk_without_locks_still_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr("fcntl.flock", fail)
    assert same(TokenCache(tmp_path / "tokens", TOKENIZER).tokenize(TEXTS), EXPECTED)
    monkeypatch.setattr(token_cache, "tokenize_in_chunks", refuse)
    assert same(TokenCache(tmp_path / "tokens", TOKENIZER).tokenize(TEXTS), EXPECTED)


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ModelError, match="slow tokenizer"):
        TokenCache(Path("/nowhere"), Slow())
