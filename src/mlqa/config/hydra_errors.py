"""Why Hydra refuses an override: the override as typed, what is wrong with it and what is allowed, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import ChoiceSweep, Override

from mlqa.config.schema import Config
from mlqa.errors import summarize_error


def is_group(name: str) -> bool:
    """Return whether `name` is a config group with options."""
    return bool(_list_options(name))


def _list_options(group: str) -> list[str]:
    hydra = GlobalHydra.instance()
    return sorted(hydra.config_loader().get_group_options(group)) if hydra.is_initialized() else []


def explain_override(override: Override, error: Exception) -> str:
    """Explain in one line why an override cannot be composed.

    Args:
        override: The override that failed.
        error: What Hydra or OmegaConf raised.

    Returns:
        The override as typed, what is wrong with it, and what is allowed instead.
    """
    typed, key, value = override.input_line, override.key_or_group, override.value()
    options = _list_options(key)
    if override.is_delete():
        return explain_removal(override)
    if value is None and options:
        return f"{typed}: choose one of {', '.join(options)}"
    if override.is_sweep_override():
        return f"{typed}: several values need a multirun; give one value, or put -m before the overrides of train.py"
    if options and isinstance(value, str) and value not in options:
        return f"{typed}: {key} has no option {value!r}; {suggest_choices(value, options)}"
    unknown = explain_unknown(override) or explain_none(override)
    if unknown is not None:
        return unknown
    if override.is_add() and not key.startswith("hydra"):
        return f"{typed}: {key} is already set; leave out the +"
    if isinstance(error, AssertionError | AttributeError):
        parent = key.rpartition(".")[0] if isinstance(error, AssertionError) else key
        return f"{typed}: {parent} is null with these options; choose an option that sets it"
    if isinstance(value, float) and value.is_integer():  # as Bayesian sweeps hand over whole numbers
        return f"{typed}: {summarize_error(error.__cause__ or error)}; write {key}={value:.0f}"
    wrong = summarize_error(error.__cause__ or error)
    if "is not a ListConfig" in wrong:
        return f"{typed}: is one value, and {key} is a list; write '{key}=[{value}]'"
    return f"{typed}: {wrong}"


def explain_none(override: Override) -> str | None:
    """Refuse the text None, which W&B's sweeps write for null, as the value of a key of the schema.

    Args:
        override: Any override.

    Returns:
        What is wrong in one line, or None if no value is this text.
    """
    value = override.value()
    values = value.list if isinstance(value, ChoiceSweep) else [value]
    key = override.key_or_group
    if "None" not in values or key.startswith(("hydra.", "hydra/")) or is_group(key):
        return None
    return f"{override.input_line}: None is a text here; write null, which is Hydra's word for no value"


def is_empty_sweep(override: Override) -> bool:
    """Return whether an override sweeps over no value, as a glob does that matches no option."""
    return override.is_sweep_override() and not list(override.sweep_string_iterator())


def explain_empty_sweep(override: Override) -> str:
    """Say which options a glob could have matched."""
    key = override.key_or_group
    options = _list_options(key)
    way_out = f"choose from {', '.join(options)}" if options else f"{key} is not a group with options"
    return f"{override.input_line}: there is no value to sweep over; {way_out}"


def explain_removal(override: Override) -> str:
    """Say that a key cannot be removed by `~key`."""
    key = override.key_or_group
    return f"{override.input_line}: {key} cannot be removed; choose another option or value"


def explain_unknown(override: Override) -> str | None:
    """Explain an override whose key is not in the schema.

    Args:
        override: Any override.

    Returns:
        The override as typed and the keys that exist, in one line, or None if its key is in the schema.
    """
    key = override.key_or_group
    if key.split(".")[0].split("/")[0] == "hydra" or is_group(key):
        return None
    unknown = _find_unknown_key(Config, key.split("."))
    if unknown is None:
        return None
    parent, name, names = unknown
    problem = f"{parent} has no key" if parent else "there is no key or group"
    places = [place for place in _iter_keys(Config) if place.rpartition(".")[2] == name]
    advice = f"{key} is {' or '.join(places)}" if places else suggest_choices(name, names)
    return f"{override.input_line}: {problem} {name!r}; {advice}"


def _iter_keys(cls: Any, prefix: str = "") -> Iterator[str]:
    """Yield every dotted key of the schema that has a value of its own."""
    hints = get_type_hints(cls)
    for item in fields(cls):
        hint = hints[item.name]
        node = next((part for part in get_args(hint) if is_dataclass(part)), hint)
        if is_dataclass(node):
            yield from _iter_keys(node, f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}"


def _find_unknown_key(cls: Any, path: list[str]) -> tuple[str, str, list[str]] | None:
    """Return (parent, the first part of `path` that is not a field, the fields of the parent), or None."""
    for depth, name in enumerate(path):
        names = [item.name for item in fields(cls)]
        if name not in names:
            return ".".join(path[:depth]), name, [*names, "experiment"] if depth == 0 else names
        hint = get_type_hints(cls)[name]
        cls = next((part for part in get_args(hint) if is_dataclass(part)), hint)
        if not is_dataclass(cls):
            return None
    return None


def suggest_choices(given: str, names: list[str]) -> str:
    """List the names that are allowed, and the closest one to `given` if one is close."""
    close = difflib.get_close_matches(given, names, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"choose one of {', '.join(names)}{hint}"
