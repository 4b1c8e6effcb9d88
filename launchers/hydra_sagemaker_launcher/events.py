"""Events as lines of JSON in a file: on disk before what they announce, and read again after a crash."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.errors import LaunchError

_NOT_IN_JSON = ("nan", "inf", "-inf")


def append_event(path: Path, event: dict[str, Any]) -> None:
    """Append one event. It is on disk when this returns.

    Args:
        path: The file. It and its folder are made if they are missing.
        event: What JSON can hold, and numbers that are not finite.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(_replace_floats(event), allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _sync_folder(path.parent)


def read_events(path: Path, may_repair: bool) -> list[dict[str, Any]]:
    """Read the events of a manifest, whose last line may be torn.

    Args:
        path: The file.
        may_repair: Whether to remove half a line, on which the dead client never acted, and to complete one that lacks
            only its end.

    Returns:
        The events, none without the file.

    Raises:
        LaunchError: A line is not an event.
    """
    if not path.is_file():
        return []
    # Not splitlines(): an override may contain one of the other line ends of Unicode.
    *lines, torn = path.read_bytes().split(b"\n")
    if torn and may_repair:
        try:
            json.loads(torn)
        except ValueError:
            os.truncate(path, path.stat().st_size - len(torn))
        else:
            lines.append(torn)
            with path.open("ab") as file:
                file.write(b"\n")
    events = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line, object_hook=_restore_float)
            event["event"]
        except (ValueError, TypeError, KeyError):
            raise LaunchError(
                f"{path}, line {number}: not an event of this launcher; fix or remove the line, and look in the "
                "SageMaker console for jobs of this sweep before it is resumed"
            ) from None
        events.append(event)
    return events


def _replace_floats(value: Any) -> Any:
    """Replace what JSON has no number for, and other readers refuse: nan, inf and -inf become {"float": "nan"} ..."""
    if isinstance(value, dict):
        return {key: _replace_floats(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replace_floats(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def _restore_float(node: dict[str, Any]) -> Any:
    """Undo `_replace_floats` for one object of a line."""
    return float(node["float"]) if node.get("float") in _NOT_IN_JSON and len(node) == 1 else node


def _sync_folder(folder: Path) -> None:
    """Write a new file's entry in its folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
