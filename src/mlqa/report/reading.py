"""Read values and files that may hold anything. What cannot be read counts as nothing and raises no error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def get_nested(content: Any, *path: str) -> Any:
    """Return a value of nested mappings.

    Args:
        content: The outer mapping, or anything.
        *path: A key per level.

    Returns:
        The value, or None if a key or a mapping is missing.
    """
    for key in path:
        if not isinstance(content, Mapping):
            return None
        content = content.get(key)
    return content


def coerce_finite(value: Any) -> float | None:
    """Return `value` as a float if it is a finite number and not a boolean, else None."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not -sys.float_info.max <= value <= sys.float_info.max
    ):
        return None
    return float(value)


def fold_text(value: Any) -> str | None:
    """Return a text on one line, None for anything else and for a blank text."""
    return " ".join(value.split()) or None if isinstance(value, str) else None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every mapping of a JSON-lines file. Torn and foreign lines are skipped."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            yield row


def read_mapping(path: Path) -> dict[str, Any]:
    """Return a JSON file's mapping, {} if there is none."""
    try:
        content = json.loads(path.read_text("utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file, None if it cannot be read."""
    import yaml

    try:
        # Without libyaml's loader, a sweep of 500 members takes seconds.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text("utf-8", errors="replace"), Loader=loader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
