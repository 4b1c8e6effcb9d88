"""Files that never leave this machine, and text that looks like a secret.

It is precise rather than complete: a false alarm stops a sweep, so only forms that hardly anything else has count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePath

from hydra_sagemaker_launcher.data_file import read_data_file

_TABLE = read_data_file("secrets.yaml")


def is_private_folder(name: str) -> bool:
    """Return whether a folder of this name never leaves the machine: repositories, caches, credentials and the like."""
    return any(fnmatchcase(name.lower(), pattern) for pattern in _TABLE["folders"])


def is_private_file(name: str) -> bool:
    """Return whether a file of this name never leaves the machine: keys, credentials, environment files."""
    lower = name.lower()
    if lower.startswith("credentials") and lower.endswith((".py", ".pyi")):  # credentials.py is a module
        return False
    return any(fnmatchcase(lower, pattern) for pattern in _TABLE["files"])


def is_private_path(path: PurePath) -> bool:
    """Return whether a file never leaves the machine, by its own name or by a folder above it.

    Args:
        path: The file, relative to the folder that it is uploaded from. If it is a link, what the link leads to.
    """
    return is_private_file(path.name) or any(map(is_private_folder, path.parts[:-1]))


_SECRET_NAME = re.compile(r"(?i)(^|_)(key|token|secret|password|passwd|credentials?)(_|$)|^aws_")


def is_secret_name(name: str) -> bool:
    """Return whether a variable of this name most likely holds a secret."""
    return bool(_SECRET_NAME.search(name))


_FORMS = [
    (
        row["kind"],
        re.compile((row["name"] + _TABLE["assigned"] if "name" in row else "").encode() + row["value"].encode()),
    )
    for row in _TABLE["forms"]
]
_NAMED, _PLACEHOLDER = (re.compile(_TABLE[name].encode()) for name in ("named", "placeholder"))


def find_secrets(name: str, content: bytes) -> Iterator[tuple[int, str]]:
    """Find everything in a text file that looks like a secret.

    Args:
        name: The file's name. In code only quoted values count, so its suffix matters.
        content: The file's bytes. A file with a null byte in its first 8 KiB is not text and skipped.

    Yields:
        Line number and kind, never the secret itself.
    """
    if b"\0" in content[:8192]:
        return
    kinds: dict[int, str] = {}  # by line
    for kind, form in _FORMS:
        for match in form.finditer(content):
            kinds.setdefault(content.count(b"\n", 0, match.start()) + 1, kind)
    for match in _NAMED.finditer(content):
        if _is_secret(match, quoted=name.endswith(tuple(_TABLE["code"]))):
            label = match["name"][-40:].decode("ascii", "replace")
            kinds.setdefault(content.count(b"\n", 0, match.start()) + 1, f"the value of {label}")
    yield from sorted(kinds.items())


def _is_secret(match: re.Match[bytes], quoted: bool) -> bool:
    """Return whether a value is a long literal of letters and digits: not a name, a placeholder or an expression."""
    value = match["value"]
    if (quoted and not match["quote"]) or _PLACEHOLDER.search(value):
        return False
    words = all(re.fullmatch(rb"[a-z]{0,15}|[A-Z]{0,15}|\d*", part) for part in re.split(rb"[-_./=]", value))
    return not words and bool(re.search(rb"\d", value) and re.search(rb"[A-Za-z]", value)) and len(set(value)) >= 10
