"""Files at a public address: downloaded once, checked against their SHA-256, kept in the cache."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from mlqa.environment import get_cache_dir
from mlqa.errors import DataError, UnreachableError

TIMEOUT_SECONDS = 30


def fetch(url: str, sha256: str, offline: str) -> Path:
    """Return the local copy of a file, and download it if it is not in the cache.

    Args:
        url: Its address.
        sha256: The SHA-256 of its content, 64 hex digits.
        offline: Tells the user what to do without a network, for messages.

    Raises:
        UnreachableError: If the address cannot be reached.
        DataError: If the content has another SHA-256.
    """
    target = get_cache_dir() / "downloads" / sha256[:16] / url.rsplit("/", 1)[-1]
    if target.is_file() and compute_sha256(target) == sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            while block := response.read(1 << 20):
                file.write(block)
        found = compute_sha256(partial)
        if found != sha256:
            raise DataError(f"{url}: the file has changed: its SHA-256 is {found[:16]}..., not {sha256[:16]}...")
        partial.replace(target)
    except urllib.error.HTTPError as error:
        raise UnreachableError(f"{url}: the server answered {error.code} {error.reason}; {offline}") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(f"{url}: could not be reached ({reason}); {offline}") from None
    finally:
        partial.unlink(missing_ok=True)
    return target


def compute_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits. At most a megabyte is in memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
