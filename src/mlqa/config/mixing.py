"""Fill in a mix when it is composed: each set from its option, and what is scored from the target set.

So everything that looks at a config finds the sources of all sets there: the checks before the start, the files that a
SageMaker job needs, the record of the run. Filling in a mix twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.hydra_errors import suggest_choices
from mlqa.config.schema import MixedSetConfig
from mlqa.errors import ConfigError, summarize_error

KEY = "dataset.mix.sets"
FORM = f"{KEY}=[tquad,squad_tr], {KEY}={{tquad: 1.0, squad_tr: 0.2}} or {{squad_tr: {{max_train_samples: 20000}}}}"
# What a set of a mix is read by. Everything else that its option says is about its own evaluation.
OF_TRAIN = ("weight", "language", "train_file", "download", "hub", "sample", "strict", "max_train_samples")
OF_SET = ("weight", "train_file", "strict", "max_train_samples")  # the mix itself has none of these


def fill_in_mix(config: DictConfig, options: list[str], compose_option: Callable[[str], DictConfig]) -> None:
    """Fill in the mix of a composed config. A config without one stays as it is.

    Args:
        config: The composed config, which is changed.
        options: The options of the group dataset.
        compose_option: Returns the node `dataset` of one of them.

    Raises:
        ConfigError: With every problem of the sets.
    """
    if "dataset" not in config:  # ~dataset has removed it, or this is a config of the user's own
        return
    mix = config.dataset.get("mix")
    if mix is None or OmegaConf.is_missing(mix, "sets"):
        return
    problems: list[str] = []
    given = _parse_sets(OmegaConf.to_container(mix.sets) if OmegaConf.is_config(mix.sets) else mix.sets)
    target = mix.target or next(iter(given))
    filled: dict[str, dict[str, Any]] = {}
    own: Any = OmegaConf.to_container(config.dataset)  # without resolving what only a job's container can
    language = {} if own["language"] == "???" else {"language": own["language"]}
    for name in dict.fromkeys((*given, target)):
        try:
            if name not in options:
                key = f"{KEY}: " if name in given else f"dataset.mix.target={name}: "
                raise ConfigError(f"{key}dataset has no option {name!r}; {suggest_choices(name, options)}")
            filled[name] = _fill_in_set(name, given.get(name, language), compose_option(name))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    of_target = {key: value for key, value in filled[target].items() if key not in OF_SET and own[key] in (None, "???")}
    with open_dict(config):
        mix.sets = {name: _select(filled[name], OF_TRAIN) for name in given}
        mix.target = target
        config.dataset.merge_with(of_target)


def _parse_sets(sets: Any) -> dict[str, dict[str, Any]]:
    """Return the settings of each set by its option, whichever form they were given in."""
    if isinstance(sets, list) and sets and all(isinstance(name, str) for name in sets):
        if repeated := [name for name in sets if sets.count(name) > 1]:
            raise ConfigError(f"{KEY}: {repeated[0]} is in the list twice; give it a weight: {{{repeated[0]}: 2.0}}")
        return {name: {} for name in sets}
    if not isinstance(sets, dict) or not sets:
        raise ConfigError(f"{KEY}={sets}: names no sets; give {FORM}")
    parsed: dict[str, dict[str, Any]] = {}
    for name, value in sets.items():
        if isinstance(value, Mapping):
            parsed[str(name)] = dict(value)
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            parsed[str(name)] = {} if value is None else {"weight": float(value)}
        else:
            raise ConfigError(f"{KEY}.{name}={value}: is neither a weight nor settings; give {FORM}")
    return parsed


def _fill_in_set(name: str, given: dict[str, Any], option: DictConfig) -> dict[str, Any]:
    """Return the settings of a set that differ from the defaults, with interpolations as they are."""
    if option.mix is not None:
        raise ConfigError(f"{KEY}: {name} is a mix itself; name its sets instead")
    known = [item.name for item in fields(MixedSetConfig) if item.name != "mix"]
    if unknown := [key for key in given if key not in known]:
        raise ConfigError(f"{KEY}.{name}.{unknown[0]}: there is no such key; {suggest_choices(unknown[0], known)}")
    schema = OmegaConf.structured(MixedSetConfig)
    try:
        merged = OmegaConf.merge(schema, OmegaConf.to_container(option, enum_to_str=True), given)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{KEY}.{name}: {summarize_error(error)}") from error
    settings: Any = OmegaConf.to_container(merged, enum_to_str=True)
    if missing := list(_iter_missing(settings)):
        raise ConfigError(f"{KEY}.{name}.{missing[0]}: has no value; give {KEY}={{{name}: {{{missing[0]}: ...}}}}")
    defaults: Any = OmegaConf.to_container(schema)
    return {key: value for key, value in settings.items() if value != defaults[key] and key != "mix"}


def _select(settings: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: settings[key] for key in keys if key in settings}


def _iter_missing(settings: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the keys without a value. OmegaConf's own function resolves interpolations, which mean another machine."""
    for key, value in settings.items():
        if value == "???":
            yield f"{prefix}{key}"
        elif isinstance(value, dict):
            yield from _iter_missing(value, f"{prefix}{key}.")
