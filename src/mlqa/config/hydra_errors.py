"""Why Hydra refuses an override, in one line: the override as typed, what is wrong with it, what is allowed."""

from __future__ import annotations

import difflib
import functools
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override

from mlqa.config.schema import Config
from mlqa.errors import summarize_error


def is_group(name: str) -> bool:
    hydra = GlobalHydra.instance()
    return bool(hydra.is_initialized() and hydra.config_loader().get_group_options(name))


def explain(override: Override, error: Exception) -> str:
    """One line: the override as typed, what is wrong with it, what is allowed."""
    typed, key = override.input_line, override.key_or_group
    if override.is_delete():
        return f"{typed}: {key} cannot be removed; choose another option or value"
    if override.value() is None and is_group(key):
        options = sorted(GlobalHydra.instance().config_loader().get_group_options(key))
        return f"{typed}: choose one of {', '.join(options)}"
    if override.is_sweep_override():
        return f"{typed}: several values make a multirun; put -m before them"
    if is_group(key):
        options = sorted(GlobalHydra.instance().config_loader().get_group_options(key))
        value = override.value()
        if isinstance(value, str) and value not in options and override.is_add() is False:
            return f"{typed}: {key} has no option {value!r}; {suggest_choices(value, options)}"
    unknown = explain_unknown(override)
    if unknown is not None:
        return unknown
    if isinstance(error, AssertionError | AttributeError):
        parent = key.rpartition(".")[0] if isinstance(error, AssertionError) else key
        return f"{typed}: {parent} is null with the options chosen; choose an option that sets it"
    return f"{typed}: {summarize_error(error.__cause__ or error)}"


def explain_unknown(override: Override) -> str | None:
    """One line where the override names a key that the schema does not have, else None."""
    key = override.key_or_group
    unknown = (
        None
        if key.split(".")[0].split("/")[0] == "hydra" or is_group(key)
        else _find_unknown_key(Config, key.split("."))
    )
    if unknown is None:
        return None
    where, name, names = unknown
    parent = f"{where} has no key" if where else "there is no key or group"
    return f"{override.input_line}: {parent} {name!r}; {suggest_choices(name, names)}"


def _find_unknown_key(cls: Any, path: list[str]) -> tuple[str, str, list[str]] | None:
    """(parent, the first part of `path` that is no field, the fields there are), or None if all parts are."""
    for depth, name in enumerate(path):
        names = [item.name for item in fields(cls)]
        if name not in names:
            return ".".join(path[:depth]), name, [*names, "experiment"] if depth == 0 else names
        cls = _get_field_type(cls, name)
        if not is_dataclass(cls):
            return None
    return None


@functools.lru_cache
def _resolve_type_hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _get_field_type(cls: Any, name: str) -> Any:
    hint = _resolve_type_hints(cls)[name]
    return next((part for part in get_args(hint) if is_dataclass(part)), hint)


def suggest_choices(given: str, names: list[str]) -> str:
    close = difflib.get_close_matches(given, names, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"choose one of {', '.join(names)}{hint}"
