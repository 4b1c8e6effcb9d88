"""The source archive of a sweep: the same files give the same bytes, and nothing private is among them."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ._errors import LaunchError
from ._secrets import is_private_file, is_private_folder, secrets

MAX_BYTES = 50_000_000

_GENERATED = ("outputs", "multirun", "wandb")  # what Hydra and W&B write; a package may have these names
_RUN = re.compile(r"run-|offline-run-|latest-run$|\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Source:
    """A gzipped tar, the SHA-256 of its bytes, and the names in it."""

    content: bytes
    sha256: str
    names: tuple[str, ...]


def pack(
    root: Path,
    include: Sequence[str],
    exclude: Sequence[str] = (),
    extra: Mapping[str, bytes | Path] | None = None,
    *,
    max_bytes: int = MAX_BYTES,
) -> Source:
    """Packs the files under `root` that match a pattern of `include` and none of `exclude`, and `extra`.

    Patterns are gitignore's (`train.py`, `*.py` at any depth, `/conf`, `src/**`), without `!`. Version control, virtual
    environments, caches, run directories, keys and credentials are left out whatever `include` says. Links are packed
    as what they lead to. `extra` maps names in the archive to bytes or files, and wins over a file of the same name.

    The bytes depend on names, contents and the executable bit alone: no time, owner or order. They are the same on
    every Python that is built with the same zlib; zlib-ng compresses otherwise, which costs one more upload.

    Raises LaunchError: a pattern without a file, a link out of `root`, more than `max_bytes` before compression, or
    text that looks like a secret.
    """
    files: dict[str, Path] = dict(_chosen(root, include, exclude))
    contents: dict[str, bytes | Path] = {**files, **{_relative(name): what for name, what in (extra or {}).items()}}
    sizes = {name: len(what) if isinstance(what, bytes) else _size(what) for name, what in contents.items()}
    if sum(sizes.values()) > max_bytes:
        raise LaunchError(_too_large(sizes, max_bytes))
    buffer = io.BytesIO()
    found: list[str] = []
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(contents):
            what = contents[name]
            data = what if isinstance(what, bytes) else _read(what)
            found.extend(_warning(name, line, kind) for line, kind in secrets(name, data))
            archive.addfile(
                _entry(name, data, executable=isinstance(what, Path) and _executable(what)), io.BytesIO(data)
            )
    if found:
        raise LaunchError(found)
    content = buffer.getvalue()
    return Source(content, hashlib.sha256(content).hexdigest(), tuple(sorted(contents)))


def _entry(name: str, data: bytes, executable: bool) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)  # time, user and group are 0, the owners' names empty
    entry.size = len(data)
    entry.mode = 0o755 if executable else 0o644
    return entry


class _Patterns:
    """gitignore's patterns, each as a regular expression over a path relative to the root."""

    def __init__(self, patterns: Sequence[str], option: str) -> None:
        self.patterns = {pattern: _compiled(pattern, option) for pattern in patterns}

    def matching(self, path: str) -> Iterator[str]:
        """The patterns that name the path, or a folder that it lies in."""
        return (pattern for pattern, form in self.patterns.items() if form.fullmatch(path))


def _compiled(pattern: str, option: str) -> re.Pattern[str]:
    bare = pattern.strip().removeprefix("./")
    if not bare.strip("/") or bare.startswith(("!", "../")) or "/../" in bare:
        raise LaunchError(f"{option}={pattern}: no such pattern is known; write e.g. train.py, *.py, src/** or /conf")
    anchored = "/" in bare.rstrip("/")
    translated = "" if anchored else "(?:.*/)?"
    folder = bare.endswith("/")
    bare = bare.strip("/")
    position = 0
    while position < len(bare):
        if bare.startswith("**/", position) and bare[:position].endswith(("", "/")):
            translated, position = translated + "(?:.*/)?", position + 3
        elif bare.startswith("**", position):
            translated, position = translated + ".*", position + 2
        elif bare[position] == "[" and (end := bare.find("]", position + 2)) > 0:
            inside = bare[position + 1 : end].replace("\\", "\\\\")
            translated += f"[{'^' + inside[1:] if inside.startswith('!') else inside}]"
            position = end + 1
        else:
            sign = bare[position]
            translated += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign))
            position += 1
    return re.compile(translated + ("/.*" if folder else "(?:/.*)?"), re.DOTALL)


def _chosen(root: Path, include: Sequence[str], exclude: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Archive name and path of every file to pack; raises LaunchError as `pack` does."""
    if not root.is_dir():
        raise LaunchError(f"{root}: there is no such folder to pack the source of")
    included, excluded = _Patterns(include, "include"), _Patterns(exclude, "exclude")
    home = root.resolve()
    unused = dict.fromkeys(include)
    for name, path in _walk(root, home, included, excluded):
        matching = list(included.matching(name))
        if matching:
            for pattern in matching:
                unused.pop(pattern, None)
            yield name, path
    if unused:
        raise LaunchError(
            [
                f"include={pattern}: matches no file under {root} that may be packed; correct or remove the pattern "
                "(keys, credentials, environments and run directories are never packed)"
                for pattern in unused
            ]
        )


def _walk(root: Path, home: Path, included: _Patterns, excluded: _Patterns) -> Iterator[tuple[str, Path]]:
    """Every regular file below a folder that is neither private nor excluded; links inside the root are followed."""
    waiting: list[tuple[Path, str, tuple[Path, ...]]] = [(root, "", (home,))]
    while waiting:
        folder, prefix, above = waiting.pop()
        for entry in _listed(folder):
            name, path = prefix + entry.name, Path(entry.path)
            if next(excluded.matching(name), None) is not None:
                continue
            if entry.is_symlink():
                target = path.resolve()
                if not target.is_relative_to(home):
                    if next(included.matching(name), None) is not None:
                        raise LaunchError(
                            f"{path}: is a link out of {root}; copy what it leads to, or add exclude={name}"
                        )
                    continue
            if entry.is_dir():
                real = path.resolve()
                if real not in above and not _private(path, entry.name, root=not prefix):
                    waiting.append((path, f"{name}/", (*above, real)))
            elif entry.is_file() and not is_private_file(entry.name) and not _private_target(path, home):
                yield name, path


def _private_target(path: Path, home: Path) -> bool:
    """Whether a link with a harmless name leads to a private file."""
    if not path.is_symlink():
        return False
    target = path.resolve().relative_to(home)
    return is_private_file(target.name) or any(is_private_folder(part) for part in target.parts[:-1])


def _private(folder: Path, name: str, root: bool) -> bool:
    if is_private_folder(name) or (folder / "pyvenv.cfg").is_file():
        return True
    return name in _GENERATED and (root or any(_RUN.match(entry.name) for entry in _listed(folder)))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise LaunchError(f"{folder}: cannot be read ({error.strerror}); add it to exclude") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LaunchError(f"{path}: cannot be read ({error.strerror}); add it to exclude") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise LaunchError(f"{path}: cannot be read ({error.strerror}); add it to exclude") from error


def _executable(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IXUSR)


def _relative(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise LaunchError(f"{name}: is no name inside the source archive; give a relative path")
    return str(path)


def _too_large(sizes: Mapping[str, int], max_bytes: int) -> str:
    largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    listed = ", ".join(f"{name} ({_shown(sizes[name])})" for name in largest)
    return (
        f"the source has {_shown(sum(sizes.values()))}, more than {_shown(max_bytes)}; the largest files are {listed}: "
        "narrow include or add them to exclude"
    )


def _shown(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _warning(name: str, line: int, kind: str) -> str:
    return f"{name}:{line}: looks like {kind}; remove it from the source, or add exclude={name}"
