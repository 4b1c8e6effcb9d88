"""Files that never leave this machine, and text that looks like a secret.

It is precise rather than complete: a false alarm stops a sweep, so only forms that hardly anything else has count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePath

_FOLDERS = (
    *(".git", ".hg", ".svn", ".bzr", ".aws", ".ssh", ".gnupg", ".azure", ".kube", ".docker", ".env*"),
    *(".venv*", "venv", "virtualenv", "__pycache__", ".ipynb_checkpoints", ".tox", ".nox", "node_modules"),
    *(".hydra", ".rehearsal"),  # left by runs
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "*.egg-info"),
)
_FILES = (
    *(".env*", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
    *(".netrc", "_netrc", ".pypirc", ".npmrc", ".git-credentials", ".dockercfg", "credentials*"),
    *("*.pyc", ".ds_store"),
)
_SOURCE = ("*.py", "*.pyi")  # credentials.py is a module


def is_private_folder(name: str) -> bool:
    """Return whether a folder of this name never leaves the machine: repositories, caches, credentials and the like."""
    return any(fnmatchcase(name.lower(), pattern) for pattern in _FOLDERS)


def is_private_file(name: str) -> bool:
    """Return whether a file of this name never leaves the machine: keys, credentials, environment files."""
    lower = name.lower()
    if any(fnmatchcase(lower, pattern) for pattern in _SOURCE) and lower.startswith("credentials"):
        return False
    return any(fnmatchcase(lower, pattern) for pattern in _FILES)


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


# NAME=..., NAME: "...", "NAME": "...", environ["NAME"] = "...". In a notebook the quotes are escaped.
_ASSIGNED = rb"""\\?["']?\]?[\s=:,(]{1,9}\\?["']?"""
_FORMS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("an AWS access key", re.compile(rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b(?<!EXAMPLE)")),
    (
        "an AWS secret access key",
        re.compile(
            rb"(?i:aws_?secret(?:_?access)?_?key)" + _ASSIGNED + rb"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])(?<!EXAMPLEKEY)"
        ),
    ),
    (
        "a private key",
        re.compile(
            rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\[rn]|[\s\"'+\\])*"
            rb"(?:[A-Za-z-]+: [^\n]*\n\s*)*[A-Za-z0-9+/=]{32}"
        ),
    ),
    (
        "a W&B API key",
        re.compile(rb"(?i:wandb_?api_?key|wandb\.login\([^)\n]{0,99}\bkey)" + _ASSIGNED + rb"[0-9a-f]{40}\b"),
    ),
    ("a W&B API key", re.compile(rb"\bwandb_v\d_[A-Za-z0-9_]{40,}")),
    ("a Hugging Face token", re.compile(rb"\bhf_[A-Za-z0-9]{34,}\b")),
    ("a GitHub token", re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b")),
    ("an OpenAI or Anthropic key", re.compile(rb"\bsk-(?:proj-|ant-|svcacct-)[A-Za-z0-9_-]{32,}")),
    ("a Slack token", re.compile(rb"\bxox[abprs]-\d+-[A-Za-z0-9-]{20,}")),
    ("a Google API key", re.compile(rb"\bAIza[A-Za-z0-9_-]{35}\b")),
)
_NAMED = re.compile(
    rb"""(?i)\b(?P<name>\w*(?:api_?key|secret_?key|access_?key|auth_?token|access_?token|password|passwd))"""
    rb"""\\?["']?\]?[ \t]*[=:][ \t]*(?P<quote>\\?["']|)(?P<value>[A-Za-z0-9+/_.~!@%^&*=-]{20,})(?P=quote)"""
    rb"""(?=[ \t]*(?:[,;)}\]#\r\n\\"]|$))"""
)
_PLACEHOLDER = re.compile(rb"(?i)example|your|change_?me|placeholder|dummy|xxx|\*\*\*|test|fake|(.)\1{5}|012345|abcdef")
_CODE = (".py", ".pyi", ".js", ".ts", ".c", ".cpp", ".rs", ".go", ".java")


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
        if _is_secret(match, quoted=name.endswith(_CODE)):
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
