"""Composed configs to dataclasses, with every missing value and unknown key in one error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.data_files import list_paths
from mlqa.config.hydra_errors import explain_unknown, suggest_choices
from mlqa.config.language_codes import suggest_language
from mlqa.config.mixing import FORM
from mlqa.config.overrides import parse_overrides
from mlqa.config.schema import Config, build_config
from mlqa.config.validation import find_config_problems
from mlqa.errors import ConfigError, summarize_error

_FULL_KEY = re.compile(r"full_key:\s*(\S+)")


def validate_composed(composed: DictConfig, weights: bool = True) -> list[str]:
    """Return all problems of a composed config, one line each.

    Args:
        composed: The composed config of a member.
        weights: Whether the weights of the model are needed, or only its tokenizer.
    """
    try:
        return find_config_problems(convert_to_config(composed), weights)
    except ConfigError as error:
        return error.problems


def convert_to_config(composed: DictConfig) -> Config:
    """Return the composed member as dataclasses. The run directory is empty, because only the start decides it.

    Raises:
        ConfigError: A value is missing, a key is unknown, or an interpolation cannot be resolved.
    """
    try:
        problems = _find_missing_and_unknown(composed)
        if not problems:
            return build_config(composed)
    except OmegaConfBaseException as error:
        full_key = _FULL_KEY.search(str(error))
        prefix = f"{full_key.group(1)}: " if full_key else ""
        raise ConfigError(prefix + summarize_error(error)) from error
    raise ConfigError(problems)


def _find_missing_and_unknown(composed: DictConfig) -> list[str]:
    known = [item.name for item in fields(Config)]
    unknown = [str(key) for key in composed if key != "hydra" and key not in known]
    overrides = parse_overrides(list(composed.hydra.overrides.task))
    typed = {override.key_or_group.partition(".")[0]: override.input_line for override in overrides}
    added = [override for override in overrides if override.is_add() or override.is_force_add()]
    unread = [problem for override in added if "." in override.key_or_group and (problem := explain_unknown(override))]
    OmegaConf.update(composed, "training.output_dir", "")  # interpolates Hydra's run directory, which is not set yet
    missing = sorted(_iter_missing(composed, known))
    if "dataset.mix.sets" in missing and "dataset.language" in missing:  # it is that of the target set
        missing.remove("dataset.language")
    return [
        *(
            f"{typed.get(key, key)}: there is no key or group {key!r}; {suggest_choices(key, [*known, 'experiment'])}"
            for key in unknown
        ),
        *unread,
        *(f"{key}: has no value; {_suggest_value(composed, key)}" for key in missing),
    ]


def _suggest_value(composed: DictConfig, key: str) -> str:
    if key == "dataset.mix.sets":
        return f"set {FORM}"
    if key != "dataset.language":
        return f"set {key}=..."
    files = (OmegaConf.select(composed, f"dataset.{split}_file") for split in ("validation", "train"))
    return suggest_language(next((path for file in files for path in list_paths(file)), None))


def _iter_missing(composed: DictConfig, known: Sequence[str]) -> Iterator[str]:
    """Yield the keys of known nodes that have no value. Hydra's own node has some before a run starts."""
    for key in composed:
        if key not in known:
            continue
        if OmegaConf.is_missing(composed, str(key)):
            yield str(key)
        elif OmegaConf.is_config(composed[key]):
            yield from OmegaConf.missing_keys(composed[key])
