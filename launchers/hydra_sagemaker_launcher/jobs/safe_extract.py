"""Extraction of untrusted archives by tarfile's data filter, bounded in files and bytes, whole or not at all."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.archive_links import iterate_tree, make_links
from hydra_sagemaker_launcher.jobs.archive_reader import DAMAGE, RefusedError, open_archive, resolve_entry_path


class ArchiveError(LaunchError):
    """An archive that was downloaded and cannot be extracted."""


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

    Regular files and folders with relative names below `into` are extracted. The filter decides the modes. Times and
    owners are not restored. A symbolic link becomes a relative link to the file or folder of the archive that it leads
    to, a hard link another name of an earlier file of the archive. Links that lead elsewhere, fifos and devices are
    left out. Nothing is ever written or read by way of a link.

    The archive is first extracted to a temporary folder next to `into`, and its files are then moved. Existing files
    are replaced and never written through: a link is replaced itself, and a link in the place of a folder is an error.

    Args:
        archive: The tar.gz file.
        into: The folder, created if it does not exist.
        max_bytes: Limit on the uncompressed bytes, headers included.
        max_files: Limit on the number of files and folders.

    Returns:
        The names of the entries that were left out.

    Raises:
        ArchiveError: The archive is truncated, malformed, too large or unsafe. `into` is left as it was.
    """
    check_data_filter()
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".extract-", dir=into.parent) as staging:
            fresh = Path(staging) / "files"
            fresh.mkdir()
            left_out = _Extraction(fresh, max_files).run(archive, max_bytes)
            _move(fresh, into, archive)
            return left_out
    except (RefusedError, tarfile.FilterError) as error:
        raise ArchiveError(f"{archive}: {error}; nothing of it was extracted") from error
    except DAMAGE as error:
        raise ArchiveError(
            f"{archive}: is truncated or not a tar.gz ({_summarize_error(error)}); nothing of it was extracted"
        ) from error
    except OSError as error:
        raise ArchiveError(f"{archive}: cannot be extracted into {into} ({error.strerror or error})") from error


class _Extraction:
    """Extracts an archive into a new folder, which is itself the record of what was there before."""

    def __init__(self, folder: Path, max_files: int) -> None:
        self._folder, self._max_files = folder, max_files
        self._count = 0
        self._links: dict[str, str] = {}
        self._left_out: list[str] = []

    def run(self, archive: Path, max_bytes: int) -> list[str]:
        """Extract everything and return the names of the entries that were left out."""
        with archive.open("rb") as stream, open_archive(stream, max_bytes) as reader:
            for number, entry in enumerate(reader.iterate(), start=1):
                path = resolve_entry_path(entry)
                if not path.parts and entry.isdir():  # "./"
                    self._check_count(number)
                    continue
                self._make_room(path, entry)
                self._check_count(number)
                if entry.issym():
                    self._links[str(path)] = entry.linkname
                elif entry.islnk():
                    self._make_hard_link(path, entry)
                elif entry.isreg() and not entry.issparse():
                    self._write_file(path, entry, reader.read_content(entry))
                elif entry.isdir():
                    (self._folder / path).mkdir(exist_ok=True)
                elif entry.issparse():
                    raise RefusedError(f"contains {entry.name!r}, a sparse file")
                else:
                    self._left_out.append(str(path))
        return self._left_out + make_links(self._links, self._folder)

    def _make_room(self, path: PurePosixPath, entry: tarfile.TarInfo) -> None:
        """Make the folders above an entry, and check that nothing of its name is there."""
        for parent in [parent for parent in path.parents if parent.parts][::-1]:
            place = self._folder / parent
            if not os.path.lexists(place):
                place.mkdir()
                self._count += 1
            elif not place.is_dir():
                raise RefusedError(f"contains {entry.name!r} twice, or below a file")
        if not os.path.lexists(self._folder / path):
            self._count += 1
        elif not (entry.isdir() and (self._folder / path).is_dir()):
            raise RefusedError(f"contains {entry.name!r} twice, or below a file")

    def _check_count(self, entries: int) -> None:
        if max(entries, self._count) > self._max_files:
            raise RefusedError(f"contains more than the {self._max_files:,} files that are allowed")

    def _write_file(self, path: PurePosixPath, entry: tarfile.TarInfo, chunks: Iterable[bytes]) -> None:
        mode = tarfile.data_filter(entry, str(self._folder)).mode
        with (self._folder / path).open("xb") as file:
            file.writelines(chunks)
            if mode is not None:
                os.fchmod(file.fileno(), mode)

    def _make_hard_link(self, path: PurePosixPath, entry: tarfile.TarInfo) -> None:
        target = PurePosixPath(entry.linkname)
        source = self._folder / target
        # There is no symbolic link in the folder yet, so a name without ".." stays in it.
        if target.is_absolute() or ".." in target.parts or not source.is_file():
            self._left_out.append(str(path))
            return
        try:
            os.link(source, self._folder / path)
        except OSError:  # a file system without hard links
            self._left_out.append(str(path))


def _move(fresh: Path, into: Path, archive: Path) -> None:
    """Move the files into place: all at once if `into` is new, otherwise each one over the existing file."""
    if not os.path.lexists(into):
        fresh.rename(into)
        return
    _check_place(into, into, True, archive)
    for name, is_folder in iterate_tree(fresh):  # check everything before touching anything
        _check_place(into / name, into, is_folder, archive)
    for name, is_folder in iterate_tree(fresh):
        if is_folder:
            (into / name).mkdir(exist_ok=True)
        else:
            os.replace(fresh / name, into / name)


def _check_place(place: Path, into: Path, is_folder: bool, archive: Path) -> None:
    """Raise ArchiveError if a folder would replace a file or link, or the reverse."""
    exists_folder = place.is_dir() and (place == into or not place.is_symlink())
    if os.path.lexists(place) and exists_folder != is_folder:
        kind, other = ("a folder", "a file") if exists_folder else ("not a folder", "a folder")
        raise ArchiveError(f"{place}: is {kind}, but {archive} contains {other} of this name; move it away")


def _summarize_error(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
