"""Symbolic links of an archive: those that stay within it are made, to files and folders that are no links."""

from __future__ import annotations

import bisect
import os
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

_MAX_HOPS = 40  # as Linux


def make_links(links: Mapping[str, str], folder: Path) -> list[str]:
    """Make the symbolic links of an archive, after everything else in it has been extracted.

    A link is made only if it leads, by way of the archive's other links, to an extracted file or folder. It is made
    relative and straight to the end of its way, so that no link depends on another one. A link to a folder that has
    such a link inside is left out: following it would go in a circle, or a path would have very many names.

    Args:
        links: The target of each link by its path, as in the archive. The folder of each link exists.
        folder: The folder with the extracted files. It contains no links yet.

    Returns:
        The paths of the links that were left out.
    """
    targets = {path: target for path in links if (target := _resolve(path, links, folder)) is not None}
    to_folders = sorted(path for path, target in targets.items() if (folder / target).is_dir())
    left_out = [path for path in links if path not in targets]
    looping = {path for path in to_folders if _has_path_below(to_folders, targets[path])}
    for path, target in targets.items():
        try:
            if path in looping:
                raise OSError("leads in a circle")
            os.symlink(posixpath.relpath(target, posixpath.dirname(path) or "."), folder / path)
        except OSError:  # also a file system without links
            left_out.append(path)
    return left_out


def _resolve(path: str, links: Mapping[str, str], folder: Path) -> str | None:
    """Return the file or folder at the end of a link, relative to the archive, None if it leads nowhere or outside."""
    if os.path.lexists(folder / path):  # the archive also has a file or folder of this name
        return None
    at = list(PurePosixPath(path).parts)
    to_come: list[str] = [at.pop()]
    hops = 0
    while to_come:
        part = to_come.pop()
        if part == "..":
            if not at:
                return None
            at.pop()
            continue
        name = "/".join([*at, part])
        if os.path.lexists(folder / name):
            at.append(part)
            if to_come and not (folder / name).is_dir():
                return None
        elif name in links and not links[name].startswith("/") and hops < _MAX_HOPS:
            hops += 1
            to_come += reversed(PurePosixPath(links[name]).parts)
        else:
            return None
    return "/".join(at) or None


def _has_path_below(paths: list[str], folder: str) -> bool:
    """Return whether one of the sorted paths is below a folder."""
    place = bisect.bisect_left(paths, f"{folder}/")
    return place < len(paths) and paths[place].startswith(f"{folder}/")


def iterate_tree(folder: Path, below: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the relative path of everything in a folder, and whether it is a folder. No link is followed.

    A folder comes before what it contains.
    """
    with os.scandir(folder / below) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = f"{below}/{entry.name}" if below else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            yield name, is_folder
            if is_folder:
                yield from iterate_tree(folder, name)
