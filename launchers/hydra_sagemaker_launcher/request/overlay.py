"""`hydra.launcher.request`, laid over a CreateTrainingJob request, without the keys that the launcher sets itself."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from hydra_sagemaker_launcher.data_file import read_data_file


def find_overlay_problems(overlay: Any) -> Iterator[str]:
    """Yield a line for each key of the overlay that the launcher sets itself.

    Args:
        overlay: `hydra.launcher.request` as plain mappings, lists and values.

    Yields:
        The key and the option to use instead, never a value, which might be a secret.
    """
    table: dict[str, str] = read_data_file("request/owned_parameters.yaml")
    for path in _iter_paths(overlay, ()):
        options = dict.fromkeys(option for owned, option in table.items() if _is_owned(path, owned.split(".")))
        if options:
            yield f"hydra.launcher.request.{'.'.join(path)}: the launcher sets this itself; use {', '.join(options)}"


def merge_overlay(request: Any, overlay: Any) -> Any:
    """Lay an overlay over a request.

    Args:
        request: The request to lay it over.
        overlay: Mappings are merged key by key, null removes a key, anything else replaces.

    Returns:
        A new request.
    """
    if not isinstance(request, dict) or not isinstance(overlay, dict):
        return overlay
    merged = request | {key: merge_overlay(request.get(key, {}), value) for key, value in overlay.items()}
    return {key: value for key, value in merged.items() if value is not None}


def _iter_paths(overlay: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the keys that lead to each replacement or removal."""
    if isinstance(overlay, dict) and (overlay or not path):
        for key, value in overlay.items():
            yield from _iter_paths(value, (*path, str(key)))
    else:
        yield path


def _is_owned(path: tuple[str, ...], owned: list[str]) -> bool:
    """Return whether a path leads to what the launcher sets, into it, or to a mapping that holds it."""
    return all(fnmatchcase(part, pattern) for part, pattern in zip(path, owned, strict=False))
