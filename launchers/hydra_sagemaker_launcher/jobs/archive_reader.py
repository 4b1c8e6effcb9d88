"""A tar.gz of untrusted content, read once from start to end, in little memory and never beyond a limit."""

from __future__ import annotations

import gzip
import os
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO

_CHUNK = 1 << 16  # bytes
_MAX_READ = 1 << 20  # bytes: tarfile reads a header whole, and a longer one is an attack
# What gzip and tarfile raise for malformed input. BadGzipFile is an OSError, so it must be caught before those.
DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, RecursionError)

# A search for a few small files writes nothing, so it may go further than an extraction.
_SEARCH_BYTES = 1 << 40
_SEARCH_ENTRIES = 10_000_000


class RefusedError(Exception):
    """The archive contains something that a training job does not leave."""


class ArchiveReader:
    """Reads the entries of an archive in their order."""

    def __init__(self, inflated: _BoundedGzipFile, tar: tarfile.TarFile) -> None:
        """Read from a decompressed archive, on which `tar` is open."""
        self._inflated, self._tar = inflated, tar

    def iterate(self) -> Iterator[tarfile.TarInfo]:
        """Yield each entry, and at the end verify the checksum of the whole.

        Raises:
            RefusedError: A limit is exceeded, or a header is hostile.
            EOFError: The end is missing. Other damage raises another exception of `DAMAGE`.
        """
        while (entry := self._tar.next()) is not None:
            self._tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps each entry in memory
            yield entry
        self._inflated.finish()

    def read_content(self, entry: tarfile.TarInfo) -> Iterator[bytes]:
        """Yield the content of the current entry, a regular file, in chunks."""
        left = entry.size
        while left:
            chunk = self._inflated.read(min(left, _CHUNK))
            if not chunk:
                raise EOFError("a file ends too early")
            left -= len(chunk)
            yield chunk


@contextmanager
def open_archive(stream: BinaryIO, max_bytes: int) -> Iterator[ArchiveReader]:
    """Open a tar.gz.

    Args:
        stream: The compressed bytes. It need not be able to go back, so it may come from the network.
        max_bytes: Limit on the uncompressed bytes, headers included.

    Yields:
        A reader.
    """
    with _BoundedGzipFile(stream, max_bytes) as inflated, tarfile.open(fileobj=inflated, mode="r:") as tar:
        yield ArchiveReader(inflated, tar)


def read_files(stream: BinaryIO, names: Collection[str], max_file_bytes: int) -> dict[str, bytes]:
    """Read a few small files of an archive, whatever else it contains and wherever it is damaged.

    Args:
        stream: The compressed bytes.
        names: The names of the files.
        max_file_bytes: Files that are larger count as missing.

    Returns:
        The content of each file that was found.
    """
    found: dict[str, bytes] = {}
    if not names:
        return found
    try:
        with open_archive(stream, _SEARCH_BYTES) as reader:
            for number, entry in enumerate(reader.iterate()):
                name = str(PurePosixPath(entry.name))
                is_plain = entry.isreg() and not entry.issparse() and entry.size <= max_file_bytes
                if name in names and name not in found and is_plain:
                    found[name] = b"".join(reader.read_content(entry))
                if len(found) == len(names) or number > _SEARCH_ENTRIES:
                    break
    except (RefusedError, *DAMAGE):
        pass  # what came before is whole
    return found


def resolve_entry_path(entry: tarfile.TarInfo) -> PurePosixPath:
    """Return the path of an entry below the folder of the archive.

    Raises:
        RefusedError: Its name leads elsewhere.
    """
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.name or re.match("[A-Za-z]:", entry.name):
        raise RefusedError(f"contains {entry.name!r}, a name outside the folder")
    return path


class _BoundedGzipFile(gzip.GzipFile):
    """A gzip file that refuses to give more than `max_bytes`, or to go back: tarfile reads an archive once."""

    def __init__(self, stream: BinaryIO, max_bytes: int) -> None:
        super().__init__(fileobj=stream, mode="rb")
        self._max_bytes = max_bytes
        self._last = b""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MAX_READ:
            raise RefusedError("contains a header that is too long")
        self._last = super().read(size)
        self._check_position(self.tell())
        return self._last

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            if offset < self.tell():
                raise RefusedError("contains a header that points back")
            self._check_position(offset)
        return super().seek(offset, whence)

    def _check_position(self, position: int) -> None:
        if position > self._max_bytes:
            raise RefusedError(f"contains more than the {self._max_bytes:,} bytes that are allowed")

    def finish(self) -> None:
        """Read to the end, which verifies gzip's checksum.

        Raises:
            EOFError: tarfile did not stop at the end of the archive, a block of zeros.
        """
        if self._last != bytes(tarfile.BLOCKSIZE):
            raise EOFError("a header is damaged or the end is missing")
        while self.read(_CHUNK):
            pass
