"""Archives from S3 into folders. A few files of them come in any case, whatever is wrong with the rest."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.s3 import Storage, TooLargeError
from hydra_sagemaker_launcher.jobs.archive_reader import read_files
from hydra_sagemaker_launcher.jobs.safe_extract import ArchiveError, extract

log = logging.getLogger(__name__)

_SHOWN = 5  # names of entries that were left out
_ADVICE = "raise hydra.launcher.archive_max_gb or archive_max_files"


@dataclass(frozen=True)
class ArchiveLimits:
    """What is taken from one archive.

    Attributes:
        max_bytes: Its bytes, compressed or not.
        max_files: Its files and folders.
    """

    max_bytes: int = 100_000_000_000
    max_files: int = 1_000_000

    @classmethod
    def from_options(cls, options: Any) -> ArchiveLimits:
        """Return the limits in the launcher's options."""
        return cls(int(options.archive_max_gb * 1e9), options.archive_max_files)


@dataclass(frozen=True)
class FetchedArchive:
    """What became of an archive.

    Attributes:
        exists: Whether it is in S3.
        refusal: Why it was not extracted, None if it was.
    """

    exists: bool
    refusal: str | None = None


def fetch_archive(
    storage: Storage,
    uri: str,
    into: Path,
    limits: ArchiveLimits,
    important: Collection[str] = (),
    max_important_bytes: int = 0,
) -> FetchedArchive:
    """Download and extract an archive.

    Args:
        storage: The bucket.
        uri: The address of the archive.
        into: The folder for its files.
        limits: The limits on what is extracted.
        important: The names of files that are taken even if the archive cannot be extracted.
        max_important_bytes: The most bytes that each of them may have in this case.

    Raises:
        LaunchError: S3 refuses.
    """
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=into.parent) as folder:
        archive = Path(folder, uri.rpartition("/")[2])
        try:
            if not storage.download(uri, archive, limits.max_bytes):
                return FetchedArchive(exists=False)
        except TooLargeError as error:
            with storage.open(uri) as stream:
                rescued = read_files(stream, important, max_important_bytes)
            refusal = f"{error}; {_ADVICE}"
        else:
            try:
                left_out = extract(archive, into, max_bytes=limits.max_bytes, max_files=limits.max_files)
            except ArchiveError as error:
                refusal = str(error).replace(str(archive), uri)
                if "that are allowed" in refusal:
                    refusal += f"; {_ADVICE}"
                with archive.open("rb") as stream:
                    rescued = read_files(stream, important, max_important_bytes)
            else:
                _warn_of_left_out(uri, left_out)
                return FetchedArchive(exists=True)
    for name, content in rescued.items():
        into.mkdir(parents=True, exist_ok=True)
        remove(into / name)
        (into / name).write_bytes(content)
    return FetchedArchive(exists=True, refusal=refusal)


def remove(path: Path) -> None:
    """Remove a file or a folder: the script may have made a folder of this name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _warn_of_left_out(uri: str, names: list[str]) -> None:
    if names:
        shown = ", ".join(map(repr, names[:_SHOWN])) + (", ..." if len(names) > _SHOWN else "")
        log.warning(
            "%s: left out %d entries, links that lead out of it or nowhere, or special files: %s",
            uri,
            len(names),
            shown,
        )
