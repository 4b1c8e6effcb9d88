"""Explain why a file that a user named cannot be read, with the file's name and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlqa.errors import DataError, summarize_error

LFS_POINTER = b"version https://git-lfs"  # how a pointer begins


@contextmanager
def explain_read_errors(path: Path) -> Iterator[None]:
    """Raise DataError if the file read inside the block is missing, a folder, a pointer, unreadable or not UTF-8."""
    try:
        if path.is_file() and is_lfs_pointer(path):  # a pipe can be read only once
            raise DataError(f"{path}: is a pointer of Git LFS, not the file itself; run git lfs pull in its folder")
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 at byte {_find_undecodable_byte(path)}; save it as UTF-8") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder; give a file in it") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or summarize_error(error)}") from None


def is_lfs_pointer(path: Path) -> bool:
    """Return whether a file is a pointer of Git LFS, which a clone without Git LFS has in place of the file."""
    with path.open("rb") as file:
        return file.read(len(LFS_POINTER)) == LFS_POINTER


def _find_undecodable_byte(path: Path) -> int:
    """Return the offset of the first byte that is not UTF-8: a decoder of blocks counts from the block's start."""
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
