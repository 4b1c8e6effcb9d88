"""From overrides to typed configs, with every problem of theirs at once where Hydra stops at the first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path, PurePath
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.hydra_errors import explain, is_group, suggest_choices
from mlqa.config.schema import GROUPS, Config, ModelConfig, build_config, register_schema
from mlqa.config.validation import find_config_problems
from mlqa.errors import ConfigError, summarize_error

# OmegaConf asserts, rather than raises its own error, where an override reaches below a null, and stumbles over None
# where one gives a null a mapping; Hydra raises ValueError where a group is given no text.
FAILURES = (HydraException, OmegaConfBaseException, AssertionError, AttributeError, ValueError)
_FULL_KEY = re.compile(r"full_key:\s*(\S+)")


def find_conf_dir() -> Path:
    """The folder of YAMLs: beside the package in a wheel, at the top of a clone."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "conf", package.parent.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ConfigError(f"conf/config.yaml stands neither in {package} nor at the top of a clone: install mlqa again")


@contextmanager
def initialize_hydra() -> Iterator[None]:
    register_schema()
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(find_conf_dir())):
        yield


def compose_config(
    overrides: Sequence[str], optional: Sequence[str] = (), weights: bool = True
) -> tuple[Config, dict[str, str]]:
    """The config that `python train.py <overrides>` would run, and the option chosen in each group.

    `optional`: keys that a run needs and the caller does not; without a value they are null. `weights`: whether the
    caller needs the model's, or its tokenizer alone.
    Raises ConfigError with every problem of the overrides and of their combination.
    """
    left_out = tuple(f"{key}=null:" for key in optional)

    def check(composed: DictConfig) -> list[str]:
        return [line for line in validate_composed(composed, weights) if not line.startswith(left_out)]

    with initialize_hydra():
        composed = compose_all([list(overrides)], check=check)[0]
    problems = check(composed)
    if problems:
        raise ConfigError(problems)
    return _to_config(composed), get_choices(composed.hydra)


def get_choices(hydra: Any) -> dict[str, str]:
    """{"model": "berturk", ...}: the option chosen in each group, from Hydra's own node of the config."""
    chosen = hydra.runtime.choices
    return {group: str(chosen[group]) for group in (*GROUPS, "experiment") if chosen.get(group) is not None}


def resolve_model_label(model: ModelConfig, choices: Mapping[str, str]) -> str:
    """Return what a run's model is called: its option, or what was loaded if that is not what the option names.

    Returns:
        The option of the group `model`. If `model.pretrained` was set to something else, the last two parts of its
        value: a name of the hub, or the end of a folder's path.
    """
    option = choices.get("model", "model")
    file = find_conf_dir() / "model" / f"{option}.yaml"
    if model.pretrained is None or not file.is_file():  # an option from a config folder of the user's own
        return option
    chosen = OmegaConf.to_container(OmegaConf.load(file))
    is_own = isinstance(chosen, dict) and chosen.get("pretrained") == model.pretrained
    return option if is_own else "/".join(PurePath(model.pretrained).parts[-2:])


def list_member_overrides(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each member that `python train.py -m <overrides>` would run, in order."""
    with initialize_hydra():
        return split_members(list(overrides), multirun=True)


def split_members(overrides: list[str], multirun: bool) -> list[list[str]]:
    """The overrides of each member, as Hydra's basic sweeper will make them."""
    if not multirun:
        return [overrides]
    parsed = parse_overrides(overrides)
    fixed = [override for override in parsed if not override.is_sweep_override()]
    base = compose_all([[str(override.input_line) for override in fixed]])[0]
    if "basic_sweeper" not in base.hydra.sweeper._target_:
        return [[str(override.input_line) for override in fixed]]
    sweeper_params = [f"{key}={value}" for key, value in (base.hydra.sweeper.get("params") or {}).items()]
    return BasicSweeper.split_arguments(parse_overrides(sweeper_params) + parsed, None)[0]


def parse_overrides(overrides: list[str]) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        wrong = summarize_error(error).removeprefix("LexerNoViableAltException: ")
        raise ConfigError(
            f"{wrong}: not in Hydra's form; write key=value, in quotes where the value has signs"
        ) from error


def _compose(overrides: list[str]) -> DictConfig:
    return hydra_compose("config", overrides=overrides, return_hydra_config=True)


def compose_all(
    members: list[list[str]],
    known: dict[str, None] | None = None,
    check: Callable[[DictConfig], list[str]] | None = None,
) -> list[DictConfig]:
    """Composes each member; on any failure, goes through all overrides one by one and names all that fail.

    Raises ConfigError with those, what `check` (default: `problems_in`) finds in the rest, and what is `known` already.
    """
    composed: list[DictConfig] = []
    problems: dict[str, None] = {}
    for member in members:
        try:
            composed.append(_compose(member))
        except FAILURES as error:
            problems.update(dict.fromkeys(_explain_composition_failure(member, error, check or validate_composed)))
    if problems:
        raise ConfigError(list({**(known or {}), **problems}))
    return composed


def _explain_composition_failure(
    overrides: list[str], error: Exception, check: Callable[[DictConfig], list[str]]
) -> list[str]:
    problems: list[str] = []
    accepted: list[str] = []
    groups_first = sorted(parse_overrides(overrides), key=lambda override: not is_group(override.key_or_group))
    for override in groups_first:
        line = str(override.input_line)
        try:
            _compose([*accepted, line])
            accepted.append(line)
        except FAILURES as failure:
            problems.append(explain(override, failure))
    try:
        rest = check(_compose(accepted))
    except FAILURES:  # what was removed is missing now
        rest = []
    return [*(problems or [summarize_error(error)]), *rest]


def _to_config(composed: DictConfig) -> Config:
    """The composed member as dataclasses; the run directory, known only when it starts, stands empty."""
    problems = _find_missing_and_unknown(composed)
    if problems:
        raise ConfigError(problems)
    try:
        return build_config(composed)
    except OmegaConfBaseException as error:
        full_key = _FULL_KEY.search(str(error))
        prefix = f"{full_key.group(1)}: " if full_key else ""
        raise ConfigError(prefix + summarize_error(error)) from error


def _find_missing_and_unknown(composed: DictConfig) -> list[str]:
    known = [item.name for item in fields(Config)]
    unknown = [str(key) for key in composed if key != "hydra" and key not in known]
    OmegaConf.update(composed, "training.output_dir", "")  # refers to Hydra's run directory
    nodes = {name: composed[name] for name in known if OmegaConf.is_config(composed[name])}
    missing = sorted(key for node in nodes.values() for key in OmegaConf.missing_keys(node))
    return [
        *(
            f"{key}: there is no key or group {key!r}; {suggest_choices(key, [*known, 'experiment'])}"
            for key in unknown
        ),
        *(f"{key}: has no value yet; give one: {key}=..." for key in missing),
    ]


def validate_composed(composed: DictConfig, weights: bool = True) -> list[str]:
    try:
        return find_config_problems(_to_config(composed), weights)
    except ConfigError as error:
        return error.problems
