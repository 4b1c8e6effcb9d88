"""Extraction of an archive that nobody vouches for: bounded, inside one folder, files and folders only."""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from ._errors import LaunchError

_BLOCK = 512
_CHUNK = 1 << 16
_MAX_HEADER = 1 << 20  # a longer name, or table of them, is an attack


def extract(archive: Path, into: Path, *, max_bytes: int, max_files: int) -> list[str]:
    """Extracts a tar.gz into a folder and returns the names of its files.

    At most `max_bytes` come out of the compression, at most `max_files` files and folders are made. Only regular files
    and folders with relative names below `into` are taken: stricter than tarfile's data filter, which the early patch
    levels of Python 3.10 lack. Of the modes the owner's executable bit is kept, of times and owners nothing.

    Everything is written beside `into` and then moved: an archive that is truncated, malformed, too large or not to be
    trusted raises LaunchError, naming it, and leaves `into` as it was. Files that are there already are replaced, never
    written through: a link is replaced itself, and a link in the place of a folder is an error.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{into.name}-", dir=into.parent) as beside:
        fresh = Path(beside) / "files"
        fresh.mkdir()
        try:
            names = _unpacked(archive, fresh, max_bytes, max_files)
        except FileNotFoundError as error:
            raise LaunchError(f"{archive}: there is no such archive") from error
        except _RefusedError as error:
            raise LaunchError(f"{archive}: {error}; nothing of it was extracted") from error
        except (tarfile.TarError, EOFError, zlib.error, ValueError, RecursionError, gzip.BadGzipFile) as error:
            raise LaunchError(
                f"{archive}: is truncated or no tar.gz ({_first_line(error)}); nothing of it was extracted"
            ) from error
        except OSError as error:
            raise LaunchError(f"{archive}: cannot be extracted beside {into} ({error.strerror or error})") from error
        _move(fresh, into, archive)
    return names


class _RefusedError(Exception):
    """What the archive holds is not what a training job leaves."""


class _Inflated(io.RawIOBase):
    """The bytes of a gzip file, counted while they come out; goes forward, and one byte back as tarfile needs it."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file = gzip.GzipFile(fileobj=file)
        self._max = max_bytes
        self._position = 0
        self._last = b""  # the last block read
        self._again = b""  # a byte given back

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_HEADER:
            raise _RefusedError(f"has a header of {size:,} bytes")
        data = self._again[:size]
        self._again = self._again[len(data) :]
        data += self._file.read(size - len(data))
        self._position += len(data)
        if self._position > self._max:
            raise _RefusedError(f"holds more than the {self._max:,} bytes that are allowed")
        if data or size:
            self._last = data[-_BLOCK:]
        return data

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        if position == self._position - 1 and self._last:
            self._again = self._last[-1:] + self._again
            self._position = position
        if position < self._position:
            raise _RefusedError("has a header that points back")
        while self._position < position:
            if not self.read(min(_CHUNK, position - self._position)):
                break
        return self._position

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def finish(self) -> None:
        """Reads to the end, which checks gzip's sum; raises EOFError unless tar's end, a block of zeros, was read."""
        if self._last != bytes(_BLOCK):
            raise EOFError("the end is missing or a header is damaged")
        while self.read(_CHUNK):
            pass


def _unpacked(archive: Path, fresh: Path, max_bytes: int, max_files: int) -> list[str]:
    names: list[str] = []
    made: set[PurePosixPath] = set()
    with archive.open("rb") as file:
        inflated = _Inflated(file, max_bytes)
        with tarfile.open(fileobj=inflated, mode="r:") as tar:
            for entry in tar:
                path = _inside(entry)
                for part in (*reversed(path.parents), path):
                    if part.name and part not in made:
                        made.add(part)
                        if len(made) > max_files:
                            raise _RefusedError(f"holds more than the {max_files:,} files that are allowed")
                        if part != path or entry.isdir():
                            (fresh / part).mkdir()
                if entry.isdir():
                    continue
                data = tar.extractfile(entry)
                assert data is not None  # a regular file
                _write(fresh / path, data, executable=bool(entry.mode & 0o100))
                names.append(str(path))
                tar.members = []  # type: ignore[attr-defined]  # what is done need not be remembered
        inflated.finish()
    return names


def _inside(entry: tarfile.TarInfo) -> PurePosixPath:
    """Where an entry goes, relative to the folder; raises _RefusedError unless it is a file or folder below it."""
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.name or re.match("[A-Za-z]:", entry.name):
        raise _RefusedError(f"holds {entry.name!r}, a name out of the folder")
    if entry.issparse() or not (entry.isfile() or entry.isdir()):
        raise _RefusedError(f"holds {entry.name!r}, which is neither a plain file nor a folder")
    if entry.isfile() and not path.parts:
        raise _RefusedError("holds a file without a name")
    return path


def _write(path: Path, data: IO[bytes], executable: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags, 0o777 if executable else 0o666), "wb") as file:
            shutil.copyfileobj(data, file, _CHUNK)
    except FileExistsError as error:
        raise _RefusedError(f"holds {path.name!r} twice") from error


def _move(fresh: Path, into: Path, archive: Path) -> None:
    """Moves files and folders into place: at once where `into` is new, else each file over the one that is there."""
    if not into.exists():
        fresh.rename(into)
        return
    files = list(_files(fresh))
    for path in files:  # everything is looked at before anything is touched
        for part in reversed(path.parents):
            place = into / part
            if (part.name and place.is_symlink()) or (place.exists() and not place.is_dir()):
                raise LaunchError(f"{place}: is no folder, and {archive} holds one of this name; move it away")
        if (into / path).is_dir() and not (into / path).is_symlink():
            raise LaunchError(f"{into / path}: is a folder, and {archive} holds a file of this name; move it away")
    for folder in sorted(path.relative_to(fresh) for path in fresh.rglob("*") if path.is_dir()):
        (into / folder).mkdir(exist_ok=True)
    for path in files:
        os.replace(fresh / path, into / path)


def _files(folder: Path) -> Iterator[Path]:
    return (path.relative_to(folder) for path in sorted(folder.rglob("*")) if not path.is_dir())


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
