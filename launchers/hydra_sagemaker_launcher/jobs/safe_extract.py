"""Extraction of an archive that nobody vouches for: bounded, inside one folder, files and folders only."""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from hydra_sagemaker_launcher.errors import LaunchError

_CHUNK = 1 << 16
_MAX_READ = 1 << 20  # tarfile reads a header whole; one that is longer is an attack
# What gzip and tarfile raise on bytes that are not theirs; BadGzipFile is an OSError, to be caught before those.
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, RecursionError)


def extract(archive: Path, into: Path, *, max_bytes: int, max_files: int) -> list[str]:
    """Extracts a tar.gz into a folder and returns the names of its files.

    At most `max_bytes` come out of the compression, at most `max_files` files and folders are made. Only regular files
    and folders with relative names below `into` are taken: stricter than tarfile's data filter, which the early patch
    levels of Python 3.10 lack. Of the modes the owner's executable bit is kept, of times and owners nothing.

    Everything is written beside `into` and then moved: an archive that is truncated, malformed, too large or not to be
    trusted raises LaunchError, naming it, and leaves `into` as it was. Files that are there already are replaced, never
    written through: a link is replaced itself, and a link in the place of a folder is an error.
    """
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{into.name}-", dir=into.parent) as beside:
            fresh = Path(beside) / "files"
            fresh.mkdir()
            names = _extract_entries(archive, fresh, max_bytes, max_files)
            _move(fresh, into, archive)
            return names
    except _RefusedError as error:
        raise LaunchError(f"{archive}: {error}; nothing of it was extracted") from error
    except _DAMAGE as error:
        raise LaunchError(
            f"{archive}: is truncated or no tar.gz ({_summarize_error(error)}); nothing of it was extracted"
        ) from error
    except OSError as error:
        raise LaunchError(f"{archive}: cannot be extracted into {into} ({error.strerror or error})") from error


class _RefusedError(Exception):
    """What the archive holds is not what a training job leaves."""


class _BoundedGzipReader(io.RawIOBase):
    """The bytes of a gzip file, counted while they come out; goes forward only, as tarfile reads an archive once."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file = gzip.GzipFile(fileobj=file)
        self._max = max_bytes
        self._position = 0
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_READ:
            raise _RefusedError("holds a header that is too long")
        self._last = self._file.read(size)
        self._position += len(self._last)
        if self._position > self._max:
            raise _RefusedError(f"holds more than the {self._max:,} bytes that are allowed")
        return self._last

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        if position < self._position:
            raise _RefusedError("holds a header that points back")
        while self._position < position and self.read(min(_CHUNK, position - self._position)):
            pass
        return self._position

    def finish(self) -> None:
        """Reads on to the end, which checks gzip's sum; raises EOFError unless tar's end, a block of zeros, was met."""
        if self._last != bytes(tarfile.BLOCKSIZE):
            raise EOFError("a header is damaged or the end is missing")
        while self.read(_CHUNK):
            pass


def _extract_entries(archive: Path, fresh: Path, max_bytes: int, max_files: int) -> list[str]:
    """Writes what the archive holds below a new folder; returns the names of the files."""
    names: list[str] = []
    made: set[PurePosixPath] = set()
    with archive.open("rb") as file:
        inflated = _BoundedGzipReader(file, max_bytes)
        with tarfile.open(fileobj=inflated, mode="r:") as tar:
            for number, entry in enumerate(tar, start=1):
                path = _resolve_entry_path(entry)
                wanted = {path, *path.parents} - {PurePosixPath(".")}
                if max(number, len(made | wanted)) > max_files:
                    raise _RefusedError(f"holds more than the {max_files:,} files that are allowed")
                for folder in sorted(wanted - made - ({path} if entry.isfile() else set())):
                    (fresh / folder).mkdir()
                made |= wanted
                if entry.isfile():
                    _write(fresh / path, tar.extractfile(entry), executable=bool(entry.mode & stat.S_IXUSR))
                    names.append(str(path))
        inflated.finish()
    return names


def _resolve_entry_path(entry: tarfile.TarInfo) -> PurePosixPath:
    """Where an entry goes, relative to the folder; raises _RefusedError unless it is a file or folder below it."""
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.name or re.match("[A-Za-z]:", entry.name):
        raise _RefusedError(f"holds {entry.name!r}, a name out of the folder")
    if entry.issparse() or not (entry.isfile() or entry.isdir()):
        raise _RefusedError(f"holds {entry.name!r}, which is neither a plain file nor a folder")
    if entry.isfile() and not path.parts:
        raise _RefusedError("holds a file without a name")
    return path


def _write(path: Path, data: IO[bytes] | None, executable: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    assert data is not None  # a regular file has some, if none
    try:
        with data, os.fdopen(os.open(path, flags, 0o777 if executable else 0o666), "wb") as file:
            shutil.copyfileobj(data, file, _CHUNK)
    except (FileExistsError, NotADirectoryError) as error:
        raise _RefusedError(f"holds {path.name!r} twice, or below a file") from error


def _move(fresh: Path, into: Path, archive: Path) -> None:
    """Moves files and folders into place: at once where `into` is new, else each file over the one that is there."""
    if not os.path.lexists(into):
        fresh.rename(into)
        return
    there = sorted(fresh.rglob("*"))  # a folder before what it holds
    for path in (fresh, *there):  # everything is looked at before anything is touched
        place = into / path.relative_to(fresh)
        is_folder = place.is_dir() and (place == into or not place.is_symlink())
        if os.path.lexists(place) and is_folder != path.is_dir() and (path.is_dir() or is_folder):
            what, other = ("a folder", "a file") if is_folder else ("no folder", "a folder")
            raise LaunchError(f"{place}: is {what}, and {archive} holds {other} of this name; move it away")
    for path in there:
        place = into / path.relative_to(fresh)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            os.replace(path, place)


def _summarize_error(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
