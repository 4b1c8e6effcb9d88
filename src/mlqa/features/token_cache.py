"""Cache tokens on disk under a hash of tokenizer and texts, so that only the first member of a sweep tokenizes.

An entry is a folder with one file of plain numbers for each array. It appears as a whole, by a rename, or not at all.
Members that need the same entry at the same time wait for the first of them, which makes it. If the disk has no locks,
each makes it, and they do not disturb each other. An incomplete entry is made again, and a disk that cannot be written
to causes one warning. Entries are written chunk by chunk, and large ones are mapped into memory, so that tokens take up
no memory of their own.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from mlqa.errors import summarize_error
from mlqa.features.tokens import Tokens, concatenate_tokens, prepare_backend, tokenize_in_chunks

log = logging.getLogger(__name__)

FORMAT = 3  # raise it if the same texts and tokenizer yield other tokens, or if the form of the files changes
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
LOCKS = ".locks"  # after the name of the folder: a folder beside it, of 256 empty files at most


class TokenCache:
    """Cache of one tokenizer's tokens. After its first failure it stops caching and only tokenizes."""

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
        """Tokenize as `mlqa.features.tokens.tokenize` does, from the cache if it has these texts.

        Args:
            texts: The texts.

        Returns:
            Their tokens, mapped from files if they are large.
        """
        if not self.works:
            return concatenate_tokens(tokenize_in_chunks(self.backend, texts))
        entry = self.folder / self._hash_texts(texts)
        tokens = _read_if_there(entry, len(texts))
        if tokens is not None:
            return tokens
        try:
            with _lock(self.folder.with_name(self.folder.name + LOCKS) / entry.name[:2]):
                tokens = _read_if_there(entry, len(texts))  # another member may have made it meanwhile
                if tokens is None:
                    _write(entry, tokenize_in_chunks(self.backend, texts))
                    _remove_oldest(self.folder, keep=entry)
                    tokens = _read(entry, len(texts))
            return tokens
        except (OSError, ValueError) as error:
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


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time into the block. If this system or its disk has no locks, let all in."""
    try:
        import fcntl

        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
        fcntl.flock(file, fcntl.LOCK_EX)
    except (ImportError, OSError):
        yield
        return
    with file:  # which also unlocks it, as does the end of the process
        yield


def _read_if_there(entry: Path, texts: int) -> Tokens | None:
    """Read the tokens of an entry. If it is damaged, remove it."""
    if not entry.is_dir():
        return None
    try:
        return _read(entry, texts)
    except (OSError, ValueError) as error:
        log.warning("%s: the cached tokens are damaged, so they are made again: %s", entry, summarize_error(error))
        shutil.rmtree(entry, ignore_errors=True)
        return None


def _read(entry: Path, texts: int) -> Tokens:
    """Read the tokens of an entry of so many texts. Raise OSError or ValueError if it is incomplete."""
    with suppress(OSError):
        os.utime(entry)  # mark it as used now
    arrays = {}
    for name, kind in TYPES.items():
        large = (entry / name).stat().st_size >= MAPPED_FROM
        arrays[name] = np.asarray(np.memmap(entry / name, kind, "r") if large else np.fromfile(entry / name, kind))
    tokens = Tokens(**arrays)
    if len(tokens.first) != texts + 1:
        raise ValueError("texts are missing")
    if {len(tokens.ids), len(tokens.starts), len(tokens.ends)} != {int(tokens.first[-1])}:
        raise ValueError("tokens are missing")
    return tokens


def _write(entry: Path, parts: Iterable[Tokens]) -> None:
    """Write an entry, unless another run has made it meanwhile. On OSError, leave nothing behind."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=entry.parent))
    try:
        with ExitStack() as stack:
            files = {name: stack.enter_context((partial / name).open("wb")) for name in TYPES}
            files["first"].write(np.zeros(1, TYPES["first"]).data)
            total = 0
            for part in parts:
                for name, kind in TYPES.items():
                    values = part.first[1:] + total if name == "first" else getattr(part, name)
                    files[name].write(np.ascontiguousarray(values, kind).data)
                total += len(part.ids)
            for file in files.values():
                file.flush()
                os.fsync(file.fileno())  # a power cut must not leave an entry whose content is not on the disk yet
        partial.chmod(0o755)
        try:
            partial.rename(entry)
        except OSError:
            if not entry.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


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
