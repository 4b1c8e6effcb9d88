"""Read values and files that may hold anything. What cannot be read counts as nothing and raises no error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
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


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return every mapping of a JSON-lines file. Torn and foreign lines are skipped."""
    return [row for line in _read_text(path).splitlines() if (row := _parse_mapping(line))]


def read_mapping(path: Path) -> dict[str, Any]:
    """Return a JSON file's mapping, {} if there is none."""
    return _parse_mapping(_read_text(path))


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file, None if it cannot be read."""
    import yaml

    # Without libyaml's loader, a sweep of 500 members takes seconds.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(_read_text(path), Loader=loader)
    except (ValueError, RecursionError, yaml.YAMLError):
        return None


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _parse_mapping(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
