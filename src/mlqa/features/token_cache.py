"""Cache tokens on disk under a hash of tokenizer and texts, so that only the first member of a sweep tokenises.

An entry is a folder of plain .npy files that appears as a whole, by a rename, or not at all. Runs that make the same
entry at the same time therefore do not disturb each other. A damaged entry is made again, and a disk that cannot be
written to causes one warning. Large entries are written chunk by chunk and mapped into memory, so that tokens take up
no memory of their own.
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

FORMAT = 1  # raise it if the same texts and tokenizer yield other tokens, or if the form of the files changes
MAPPED_FROM = 64 * 2**20  # bytes from which an array is mapped
MAX_BYTES = 4 * 2**30  # of all entries together: beyond this, the least recently used entries are removed
STALE_SECONDS = 24 * 3600  # the writer of an unfinished entry this old is gone
TYPES: dict[str, np.dtype[Any]] = {
    "ids": np.dtype("<i4"),
    "first": np.dtype("<i8"),
    "starts": np.dtype("<i4"),
    "ends": np.dtype("<i4"),
}
PARTIAL = ".partial-"
SUMS = "crc32.npy"


class TokenCache:
    """Cache of one tokenizer's tokens. After its first failure it stops caching and only tokenises."""

    def __init__(self, folder: Path, tokenizer: Any) -> None:
        """Open the cache.

        Args:
            folder: Folder of the entries, which need not exist.
            tokenizer: A fast tokenizer of transformers.

        Raises:
            ModelError: If the tokenizer is slow.
        """
        import tokenizers

        self.folder, self.backend = folder, prepare_backend(tokenizer)
        self.hash, self.works = hashlib.sha256(f"{FORMAT} {tokenizers.__version__} ".encode()), True
        try:
            self.hash.update(self.backend.to_str().encode("utf-8", "surrogatepass"))
        except Exception as error:  # tokenizers raises it for components that are written in Python
            self._give_up(error)

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Tokenise as `mlqa.features.tokens.tokenize` does, from the cache if it has these texts.

        Args:
            texts: The texts.

        Returns:
            Their tokens, mapped from files if they are large.
        """
        if not self.works:
            return concatenate_tokens(tokenize_in_chunks(self.backend, texts))
        entry = self.folder / self._hash_texts(texts)
        if entry.is_dir():
            try:
                return _read(entry)
            except (OSError, ValueError, EOFError) as error:
                log.warning("%s: the cached tokens are damaged and are made again: %s", entry, summarize_error(error))
                shutil.rmtree(entry, ignore_errors=True)
        try:
            _write(entry, tokenize_in_chunks(self.backend, texts))
            _remove_oldest(self.folder, keep=entry)
            return _read(entry)
        except (OSError, ValueError, EOFError) as error:
            self._give_up(error)
            return concatenate_tokens(tokenize_in_chunks(self.backend, texts))

    def _give_up(self, error: Exception) -> None:
        self.works = False
        log.warning("%s: tokens are not cached: %s", self.folder, summarize_error(error))

    def _hash_texts(self, texts: Sequence[str]) -> str:
        digest = self.hash.copy()
        for text in texts:
            content = text.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "little") + content)
        return digest.hexdigest()[:32]


def _read(entry: Path) -> Tokens:
    """Read the tokens of an entry. Raise OSError, ValueError or EOFError if it is damaged."""
    with suppress(OSError):
        os.utime(entry)  # mark it as used now
    sums = np.load(entry / SUMS, allow_pickle=False)
    arrays = {}
    for name, checksum in zip(TYPES, sums.tolist(), strict=True):
        path = entry / f"{name}.npy"
        if _compute_crc32(path) != checksum:
            raise ValueError(f"{path.name} has a wrong checksum")
        large = path.stat().st_size >= MAPPED_FROM
        arrays[name] = np.asarray(np.load(path, mmap_mode="r" if large else None, allow_pickle=False))
    return Tokens(**arrays)


def _write(entry: Path, parts: Iterable[Tokens]) -> None:
    """Write an entry, unless another run has made it meanwhile. On OSError, leave nothing behind."""
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
    """Writer of a one-dimensional .npy file whose length is only known at the end."""

    def __init__(self, path: Path, kind: np.dtype[Any]) -> None:
        self.file, self.kind, self.length = path.open("wb"), kind, 0

    def append(self, array: np.ndarray) -> None:
        """Append the values of an array."""
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
        """Write a header of fixed size. numpy pads headers to a multiple of 64 bytes, with room for any length."""
        header = {"descr": self.kind.str, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self.file, header)


def _compute_crc32(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while part := file.read(2**20):
            value = zlib.crc32(part, value)
    return value


def _remove_oldest(folder: Path, keep: Path) -> None:
    """Remove old entries until MAX_BYTES are left, and unfinished ones whose writer is gone.

    Other runs may do the same at this moment.
    """
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
        if excess > 0 and entry != keep:
            shutil.rmtree(entry, ignore_errors=True)
            excess -= size
