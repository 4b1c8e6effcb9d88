"""Tokens kept on disk by the hash of what they come from: the second member of a sweep does not tokenise.

An entry is a folder of plain .npy files that appears whole, by a rename, or not at all; so runs that make the same
entry at the same time do not meet. What cannot be read is made again, and a disk that cannot be written to costs a
line. Large entries are mapped into memory, and written as they are made, so that tokens take none.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

from mlqa.errors import summarize_error
from mlqa.features.tokens import Tokens, concatenate_tokens, prepare_backend, tokenize_in_chunks

log = logging.getLogger(__name__)

FORMAT = 1  # to be raised where the same texts and tokenizer give other tokens, or files of another form
MAPPED_FROM = 64 * 2**20  # bytes of an array
MAX_BYTES = 4 * 2**30  # of all entries: beyond, those that were not used for longest go
STALE_SECONDS = 24 * 3600  # an unfinished entry this old has lost its writer
TYPES: dict[str, np.dtype[Any]] = {
    "ids": np.dtype("<i4"),
    "first": np.dtype("<i8"),
    "starts": np.dtype("<i4"),
    "ends": np.dtype("<i4"),
}
PARTIAL = ".partial-"
SUMS = "crc32.npy"


class TokenCache:
    """Tokens of one tokenizer under `folder`, which need not exist. After the first failure nothing more is kept.

    Raises ModelError for a slow tokenizer.
    """

    def __init__(self, folder: Path, tokenizer: Any) -> None:
        import tokenizers

        self.folder, self.backend = folder, prepare_backend(tokenizer)
        self.hash, self.works = hashlib.sha256(f"{FORMAT} {tokenizers.__version__} ".encode()), True
        try:
            self.hash.update(self.backend.to_str().encode("utf-8", "surrogatepass"))
        except Exception as error:  # the library's own class, for parts that are written in Python
            self._give_up(error)

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """As `mlqa.features.tokens.tokenize`, from the cache where it holds these texts."""
        if not self.works:
            return concatenate_tokens(tokenize_in_chunks(self.backend, texts))
        entry = self.folder / self._hash_texts(texts)
        if entry.is_dir():
            try:
                return _read(entry)
            except (OSError, ValueError, EOFError) as error:
                log.warning("%s: damaged, made again: %s", entry, summarize_error(error))
                shutil.rmtree(entry, ignore_errors=True)
        try:
            _write(entry, tokenize_in_chunks(self.backend, texts))
            _remove_oldest(self.folder, spared=entry)
            return _read(entry)
        except (OSError, ValueError, EOFError) as error:
            self._give_up(error)
            return concatenate_tokens(tokenize_in_chunks(self.backend, texts))

    def _give_up(self, error: Exception) -> None:
        self.works = False
        log.warning("%s: tokens are not kept there: %s", self.folder, summarize_error(error))

    def _hash_texts(self, texts: Sequence[str]) -> str:
        digest = self.hash.copy()
        for text in texts:
            content = text.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "little") + content)
        return digest.hexdigest()[:32]


def _read(entry: Path) -> Tokens:
    """The tokens of an entry. Raises OSError, ValueError or EOFError where it is not whole."""
    with suppress(OSError):
        os.utime(entry)  # used now
    sums = np.load(entry / SUMS, allow_pickle=False)
    arrays = {}
    for name, wanted in zip(TYPES, sums.tolist(), strict=True):
        path = entry / f"{name}.npy"
        if _compute_crc32(path) != wanted:
            raise ValueError(f"{path.name} is not as it was written")
        large = path.stat().st_size >= MAPPED_FROM
        arrays[name] = np.asarray(np.load(path, mmap_mode="r" if large else None, allow_pickle=False))
    return Tokens(**arrays)


def _write(entry: Path, parts: Iterable[Tokens]) -> None:
    """An entry that another run has made meanwhile stands. Raises OSError, and leaves nothing, where it cannot."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=entry.parent))
    try:
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(_ArrayWriter(partial / f"{name}.npy", kind)) for name, kind in TYPES.items()
            }
            files["first"].append(np.zeros(1))
            for part in parts:
                files["first"].append(part.first[1:] + files["ids"].length)
                for name in ("ids", "starts", "ends"):
                    files[name].append(getattr(part, name))
        sums = np.array([_compute_crc32(partial / f"{name}.npy") for name in TYPES], dtype="<u4")
        np.save(partial / SUMS, sums, allow_pickle=False)
        partial.chmod(0o755)
        try:
            partial.rename(entry)
        except OSError:
            if not entry.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _ArrayWriter:
    """A .npy file of one dimension whose length is known at its end only."""

    def __init__(self, path: Path, kind: np.dtype[Any]) -> None:
        self.file, self.kind, self.length = path.open("wb"), kind, 0

    def append(self, array: np.ndarray) -> None:
        self.file.write(np.ascontiguousarray(array, self.kind).data)
        self.length += len(array)

    def __enter__(self) -> _ArrayWriter:
        self._write_header()
        return self

    def __exit__(self, *_: object) -> None:
        with self.file:
            self.file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        """As long whatever the length: numpy fills headers up to a multiple of 64 bytes, with room for any number."""
        described = {"descr": self.kind.str, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self.file, described)


def _compute_crc32(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while part := file.read(2**20):
            value = zlib.crc32(part, value)
    return value


def _remove_oldest(folder: Path, spared: Path) -> None:
    """Leaves at most MAX_BYTES, and nothing of writers that are gone. Other runs may do the same at this moment."""
    kept = []
    for entry in folder.iterdir():
        with suppress(OSError):
            used = entry.stat().st_mtime
            if not entry.name.startswith(PARTIAL):
                kept.append((used, sum(file.stat().st_size for file in entry.iterdir()), entry))
            elif used < time.time() - STALE_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)
    excess = sum(size for _, size, _ in kept) - MAX_BYTES
    for _, size, entry in sorted(kept):
        if excess > 0 and entry != spared:
            shutil.rmtree(entry, ignore_errors=True)
            excess -= size
