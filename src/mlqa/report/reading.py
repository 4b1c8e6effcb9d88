"""Values and files that may hold anything: what cannot be read is nothing, never an error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def get_nested(content: Any, *path: str) -> Any:
    """What stands at `path` of nested mappings; None where a key or a mapping is missing."""
    for key in path:
        if not isinstance(content, Mapping):
            return None
        content = content.get(key)
    return content


def coerce_finite(value: Any) -> float | None:
    """`value` as a float where it is a finite number, and no boolean; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every line of a JSON-lines file that is a mapping; torn and foreign lines are passed over."""
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
    """A JSON file's mapping; {} where there is none."""
    try:
        content = json.loads(path.read_text("utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; None where there is none that can be read."""
    import yaml

    try:
        return yaml.load(path.read_text("utf-8", errors="replace"), Loader=_get_yaml_loader())
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None


def _get_yaml_loader() -> Any:
    """libyaml's safe loader where PyYAML has it: a sweep of 500 members takes seconds without."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
