"""The source archive of a sweep: the same files give the same bytes, and it holds nothing private."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.secret_scan import find_secrets, is_private_file, is_private_folder, is_private_path

MAX_BYTES = 50_000_000

_GENERATED = ("outputs", "multirun", "wandb")  # what Hydra and W&B write, but a package may have these names
_MARKS = ("pyvenv.cfg", "multirun.yaml", "members.jsonl")  # a virtual environment, a sweep's directory
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
    """Pack the files under a folder that match a pattern of `include` and none of `exclude`.

    Version control, virtual environments, caches, run directories, keys and credentials are left out whatever `include`
    says. Links are packed as what they lead to.

    The bytes depend only on names, contents and the executable bit, not on time, owner or order. They are the same on
    every Python that is built with the same zlib. zlib-ng compresses differently, which costs one more upload.

    Args:
        root: The folder.
        include: gitignore's patterns (`train.py`, `*.py` at any depth, `/conf`, `src/**`), without `!`.
        exclude: Patterns of the same kind.
        extra: {name in the archive: bytes or file}. They win over a file of the same name.
        max_bytes: The most bytes before compression.

    Raises:
        LaunchError: A name in `include` does not exist, there is no file at all, a link leads out of `root`, the files
            are too large, or text looks like a secret.
    """
    contents: dict[str, bytes | Path] = dict(_select_files(root, include, exclude))
    contents.update((_validate_archive_name(name), what) for name, what in (extra or {}).items())
    sizes = {name: _get_size(what) for name, what in contents.items()}
    if sum(sizes.values()) > max_bytes:
        raise LaunchError(_explain_too_large(sizes, max_bytes))
    buffer = io.BytesIO()
    warnings: list[str] = []
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, what in sorted(contents.items()):
            data, executable = _read(what)
            warnings += (
                f"{name}:{line}: looks like {kind}; remove it from the source, or add exclude={name}"
                for line, kind in find_secrets(name, data)
            )
            entry = tarfile.TarInfo(name)  # time, user and group are 0, and the owners' names are empty
            entry.size, entry.mode = len(data), 0o755 if executable else 0o644
            archive.addfile(entry, io.BytesIO(data))
    if warnings:
        raise LaunchError(warnings)
    content = buffer.getvalue()
    return Source(content, hashlib.sha256(content).hexdigest(), tuple(sorted(contents)))


_Patterns = dict[str, re.Pattern[str]]  # gitignore's patterns, each as an expression over a path relative to the root


def _find_matches(patterns: _Patterns, path: str) -> list[str]:
    """Return the patterns that match a file or a folder above it. A path that ends with a slash is a folder."""
    return [pattern for pattern, form in patterns.items() if form.fullmatch(path)]


def _compile_pattern(pattern: str, option: str) -> re.Pattern[str]:
    bare = pattern.strip().removeprefix("./")
    named = bare.strip("/")
    expression = "" if "/" in bare.rstrip("/") else "(?:.*/)?"  # without a slash it matches at every depth
    for part in re.findall(r"\*\*/|\*\*|\[!?[^]]+\]|.", named, re.DOTALL):
        if len(part) > 2 and part.startswith("["):
            expression += ("[^" if part[1] == "!" else "[") + part.strip("[!]").replace("\\", r"\\") + "]"
        else:
            expression += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    try:
        if not named or ".." in named.split("/") or bare.startswith("!"):
            raise ValueError
        return re.compile(expression + ("/.*" if bare.endswith("/") else "(?:/.*)?"), re.DOTALL)
    except (ValueError, re.error) as error:
        raise LaunchError(f"{option}={pattern}: is not a pattern; give e.g. train.py, *.py, src/** or /conf") from error


def _select_files(root: Path, include: Sequence[str], exclude: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Yield archive name and path of every file to pack."""
    included = {pattern: _compile_pattern(pattern, "include") for pattern in include}
    excluded = {pattern: _compile_pattern(pattern, "exclude") for pattern in exclude}
    used: set[str] = set()
    for name, path in _walk(root, included, excluded):
        if matching := _find_matches(included, name):
            used.update(matching)
            yield name, path
    unused = [pattern for pattern in include if pattern not in used]
    if unused := [pattern for pattern in unused if not used or not any(sign in pattern for sign in "*?[")]:
        raise LaunchError(
            [
                f"include={pattern}: there is no such file under {root} that may be packed; correct or remove the "
                "pattern (keys, credentials, environments and run directories are never packed)"
                for pattern in unused
            ]
        )


def _walk(root: Path, included: _Patterns, excluded: _Patterns) -> Iterator[tuple[str, Path]]:
    """Yield every regular file below a folder that is neither private nor excluded, through links inside the root."""
    home = root.resolve()
    waiting: list[tuple[Path, str, tuple[Path, ...]]] = [(root, "", (home,))]
    while waiting:
        folder, prefix, above = waiting.pop()
        for entry in _list_folder(folder):
            name, path = prefix + entry.name, Path(entry.path)
            is_folder = path.is_dir()
            named = f"{name}/" if is_folder else name
            if _find_matches(excluded, name) or _find_matches(excluded, named):
                continue
            real = Path(os.path.realpath(path)) if entry.is_symlink() else above[-1] / entry.name
            if not real.is_relative_to(home):
                if path.exists() and (_find_matches(included, name) or _find_matches(included, named)):
                    raise LaunchError(f"{path}: is a link out of {root}; put the file itself there, or exclude={name}")
            elif is_folder:
                if real not in above and not _is_private_folder(path, (entry.name, *real.relative_to(home).parts)):
                    waiting.append((path, named, (*above, real)))
            elif path.is_file() and not is_private_file(entry.name) and not is_private_path(real.relative_to(home)):
                yield name, path


def _is_private_folder(folder: Path, names: tuple[str, ...]) -> bool:
    """Return whether a folder is never packed. `names` are its own and, if it is a link, those of what it leads to."""
    if any(map(is_private_folder, names)) or any((folder / name).is_file() for name in _MARKS):
        return True
    if names[-1] not in _GENERATED:
        return False
    # At the root, or with the content of one.
    return len(names) == 2 or any(_RUN.match(entry.name) for entry in _list_folder(folder))


def _list_folder(folder: Path) -> list[os.DirEntry[str]]:
    with _wrap_read_errors(folder), os.scandir(folder) as entries:
        return list(entries)


@contextmanager
def _wrap_read_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LaunchError(f"{path}: cannot be read ({error.strerror}); correct that, or add it to exclude") from error


def _get_size(what: bytes | Path) -> int:
    if isinstance(what, bytes):
        return len(what)
    with _wrap_read_errors(what):
        return what.stat().st_size


def _read(what: bytes | Path) -> tuple[bytes, bool]:
    """Return the content, and whether its owner may execute it."""
    if isinstance(what, bytes):
        return what, False
    with _wrap_read_errors(what):
        return what.read_bytes(), bool(what.stat().st_mode & stat.S_IXUSR)


def _validate_archive_name(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise LaunchError(f"{name}: is not a name inside the source archive; give a relative path")
    return str(path)


def _explain_too_large(sizes: Mapping[str, int], max_bytes: int) -> str:
    largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    listed = ", ".join(f"{name} ({_format_size(sizes[name])})" for name in largest)
    return (
        f"the source has {_format_size(sum(sizes.values()))}, more than {_format_size(max_bytes)}; the largest "
        f"files are {listed}; narrow include, or add them to exclude"
    )


def _format_size(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
