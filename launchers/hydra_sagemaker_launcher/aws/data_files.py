"""The user's data: which files of a folder leave this machine, and the hash that they are stored under."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.secret_scan import is_private_file, is_private_folder, is_private_path

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class LocalFiles:
    """Several files of this machine, which one channel takes into one folder.

    Attributes:
        paths: The files.
    """

    paths: tuple[Path, ...]

    def __str__(self) -> str:
        """Return the paths as one text."""
        return ", ".join(map(str, self.paths))

    def name_files(self) -> dict[Path, str]:
        """Return the name of each file in S3 and in the container. If two would have the same, each has a number."""
        paths = list(dict.fromkeys(self.paths))
        names = [_sanitize_name(path.name) for path in paths]
        return {
            path: name if names.count(name) == 1 else f"{number}-{name}"
            for number, (path, name) in enumerate(zip(paths, names, strict=True))
        }


def select_data_files(source: Path | LocalFiles) -> tuple[dict[str, Path], list[str]]:
    """Select what leaves this machine of files or a folder of data. Private files stay, as in the source archive.

    Args:
        source: The file, the folder, or several files.

    Returns:
        {name in S3: file}, and the names of what is private.

    Raises:
        LaunchError: A path is itself a private file, one of several is a folder, a link leads out of the folder or to a
            folder, or nothing is left to upload.
    """
    if isinstance(source, LocalFiles):
        if folders := [path for path in source.paths if path.is_dir()]:
            raise LaunchError(f"{folders[0]}: is a folder among several files; give the files in it")
        named = source.name_files()
        for path in named:
            _check_not_private(path)
        return {name: path for path, name in named.items()}, []
    path = source
    if path.is_file():
        _check_not_private(path)
        return {_sanitize_name(path.name): path}, []
    files, left_out = dict[str, Path](), list[str]()
    home = path.resolve()
    for folder, below, names in os.walk(path):
        for name in list(below):
            inner = Path(folder, name)
            if is_private_folder(name):
                below.remove(name)
                left_out.append(f"{inner.relative_to(path).as_posix()}/")
            elif inner.is_symlink():
                raise LaunchError(f"{inner}: is a link to a folder; put the folder itself there")
        for name in names:
            file = Path(folder, name)
            shown, real = file.relative_to(path).as_posix(), file.resolve()
            is_inside = real.is_relative_to(home)
            if is_private_file(name) or (is_inside and is_private_path(real.relative_to(home))):
                left_out.append(shown)
            elif not is_inside:
                raise LaunchError(f"{file}: is a link out of {path}; put the file itself there")
            elif file.is_file():  # no pipe, no broken link
                files[shown] = file
    if not files:
        raise LaunchError(f"{path}: there is nothing to upload in this folder")
    return dict(sorted(files.items())), sorted(left_out)


def hash_files(files: dict[str, Path]) -> str:
    """Return one SHA-256, in hexadecimal, over the names and contents of files."""
    total = hashlib.sha256()
    for name, path in files.items():
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        total.update(f"{name}\0{digest.hexdigest()}\n".encode())
    return total.hexdigest()


def _check_not_private(path: Path) -> None:
    if is_private_file(path.name) or is_private_file(path.resolve().name):
        raise LaunchError(f"{path}: files of this name are private and never uploaded; rename it")


def _sanitize_name(name: str) -> str:
    """Return a file's name as it is in S3 and in the container: letters, digits, `.`, `_` and `-`."""
    return _UNSAFE.sub("-", name).strip("-") or "data"
