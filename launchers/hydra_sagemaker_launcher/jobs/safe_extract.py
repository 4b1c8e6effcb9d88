"""Extraction of untrusted archives by tarfile's data filter, bounded in files and bytes, whole or not at all."""

from __future__ import annotations

import gzip
import os
import re
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath

from hydra_sagemaker_launcher.errors import LaunchError

_CHUNK = 1 << 16  # bytes
_MAX_READ = 1 << 20  # bytes: tarfile reads a header whole, and a longer one is an attack
# What gzip and tarfile raise for malformed input. BadGzipFile is an OSError, so it must be caught before those.
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, RecursionError)


def check_data_filter() -> None:
    """Check that this Python can extract untrusted archives.

    Raises:
        LaunchError: tarfile has no data filter, as in the first patch releases of Python 3.10 and 3.11.
    """
    if not hasattr(tarfile, "data_filter"):
        raise LaunchError(
            "this Python cannot extract the output of jobs safely, because its tarfile has no data filter; "
            "use Python 3.10.12, 3.11.4, 3.12 or later"
        )


def extract(archive: Path, into: Path, *, max_bytes: int, max_files: int) -> list[str]:
    """Extract a tar.gz into a folder.

    Only regular files and folders with relative names below `into` are accepted. This is stricter than tarfile's data
    filter, which also accepts links inside the folder and strips the slash of absolute names. The filter decides the
    modes. Times and owners are not restored.

    The archive is first extracted to a temporary folder next to `into`, and its files are then moved. Existing files
    are replaced and never written through: a link is replaced itself, and a link in the place of a folder is an error.

    Args:
        archive: The tar.gz file.
        into: The folder, created if it does not exist.
        max_bytes: Limit on the uncompressed bytes, headers included.
        max_files: Limit on the number of files and folders.

    Returns:
        The names of the extracted files, relative to `into`.

    Raises:
        LaunchError: The archive is truncated, malformed, too large or unsafe. `into` is left as it was.
    """
    check_data_filter()
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{into.name}-", dir=into.parent) as staging:
            fresh = Path(staging) / "files"
            fresh.mkdir()
            names = _extract_entries(archive, fresh, max_bytes, max_files)
            _move(fresh, into, archive)
            return names
    except (_RefusedError, tarfile.FilterError) as error:
        raise LaunchError(f"{archive}: {error}; nothing of it was extracted") from error
    except _DAMAGE as error:
        raise LaunchError(
            f"{archive}: is truncated or not a tar.gz ({_summarize_error(error)}); nothing of it was extracted"
        ) from error
    except OSError as error:
        raise LaunchError(f"{archive}: cannot be extracted into {into} ({error.strerror or error})") from error


class _RefusedError(Exception):
    """The archive contains something that a training job does not leave."""


class _BoundedGzipFile(gzip.GzipFile):
    """A gzip file that refuses to give more than `max_bytes`, or to go back: tarfile reads an archive once."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__(path, "rb")
        self._max_bytes = max_bytes
        self._last = b""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MAX_READ:
            raise _RefusedError("contains a header that is too long")
        self._last = super().read(size)
        self._check_position(self.tell())
        return self._last

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            if offset < self.tell():
                raise _RefusedError("contains a header that points back")
            self._check_position(offset)
        return super().seek(offset, whence)

    def _check_position(self, position: int) -> None:
        if position > self._max_bytes:
            raise _RefusedError(f"contains more than the {self._max_bytes:,} bytes that are allowed")

    def finish(self) -> None:
        """Read to the end, which verifies gzip's checksum.

        Raises:
            EOFError: tarfile did not stop at the end of the archive, a block of zeros.
        """
        if self._last != bytes(tarfile.BLOCKSIZE):
            raise EOFError("a header is damaged or the end is missing")
        while self.read(_CHUNK):
            pass


def _extract_entries(archive: Path, fresh: Path, max_bytes: int, max_files: int) -> list[str]:
    """Extract the archive into a new folder and return the names of the files."""
    root = PurePosixPath(".")
    files: dict[PurePosixPath, None] = {}
    created = {root}
    with _BoundedGzipFile(archive, max_bytes) as inflated, tarfile.open(fileobj=inflated, mode="r:") as tar:
        for number, entry in enumerate(tar, start=1):
            path = _resolve_entry_path(entry)
            chain = {path, *path.parents}
            if max(number, len((created | chain) - {root})) > max_files:
                raise _RefusedError(f"contains more than the {max_files:,} files that are allowed")
            if not files.keys().isdisjoint(chain) or (entry.isfile() and path in created):
                raise _RefusedError(f"contains {entry.name!r} twice, or below a file")
            created |= chain
            # No times: mtime=None makes tarfile leave them.
            tar.extract(entry.replace(mtime=None, deep=False), fresh, filter="data")  # type: ignore[arg-type]
            if entry.isfile():
                files[path] = None
        inflated.finish()
    return [str(path) for path in files]


def _resolve_entry_path(entry: tarfile.TarInfo) -> PurePosixPath:
    """Return the path of an entry in the folder, or raise _RefusedError if it is not a file or folder below it."""
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.name or re.match("[A-Za-z]:", entry.name):
        raise _RefusedError(f"contains {entry.name!r}, a name outside the folder")
    if entry.issparse() or not (entry.isfile() or entry.isdir()):
        raise _RefusedError(f"contains {entry.name!r}, which is neither a regular file nor a folder")
    return path


def _move(fresh: Path, into: Path, archive: Path) -> None:
    """Move the files into place: all at once if `into` is new, otherwise each one over the existing file."""
    if not os.path.lexists(into):
        fresh.rename(into)
        return
    paths = sorted(fresh.rglob("*"))  # a folder before its contents
    for path in (fresh, *paths):  # check everything before touching anything
        place = into / path.relative_to(fresh)
        is_folder = place.is_dir() and (place == into or not place.is_symlink())
        if os.path.lexists(place) and is_folder != path.is_dir() and (path.is_dir() or is_folder):
            kind, other = ("a folder", "a file") if is_folder else ("not a folder", "a folder")
            raise LaunchError(f"{place}: is {kind}, but {archive} contains {other} of this name; move it away")
    for path in paths:
        place = into / path.relative_to(fresh)
        if path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            os.replace(path, place)


def _summarize_error(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
