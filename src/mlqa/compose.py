"""From a command line to checked configs, before Hydra starts anything.

Hydra stops at the first thing that is wrong and, in a multirun, learns of an impossible combination only
when its member runs. `check_command_line` composes every member first and says all that is wrong at once.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.checks import problems_of
from mlqa.config import GROUPS, Config, from_hydra, register
from mlqa.errors import ConfigError, first_line
from mlqa.explain import allowed, explain, explain_unknown, is_group
from mlqa.runtime import in_container, is_main, world_size

NOT_TO_SET = {
    "training.output_dir": "is always the run directory; choose it by hydra.run.dir=... or hydra.sweep.dir=...",
    "training.seed": "is the run's seed; choose it by seed=...",
}
# OmegaConf asserts, rather than raises its own error, where an override reaches below a null; Hydra raises ValueError
# where a group is given no text.
FAILURES = (HydraException, OmegaConfBaseException, AssertionError, ValueError)
LEAST_BYTES = 1 << 20  # what a run leaves beside its model
_FULL_KEY = re.compile(r"full_key:\s*(\S+)")


def conf_dir() -> Path:
    """The folder of YAMLs: beside the package in a wheel, at the top of a clone."""
    package = Path(__file__).resolve().parent
    for folder in (package / "conf", package.parent.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ConfigError(f"conf/config.yaml stands neither in {package} nor at the top of a clone: install mlqa again")


@contextmanager
def _composer() -> Iterator[None]:
    register()
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        yield


def compose_config(overrides: Sequence[str], optional: Sequence[str] = ()) -> tuple[Config, dict[str, str]]:
    """The config that `python train.py <overrides>` would run, and the option chosen in each group.

    `optional`: keys that a run needs and the caller does not; without a value they are null.
    Raises ConfigError with every problem of the overrides and of their combination.
    """
    with _composer():
        composed = _compose_all([list(overrides)])[0]
    problems = [line for line in _problems(composed) if not line.startswith(tuple(f"{key}=null:" for key in optional))]
    if problems:
        raise ConfigError(problems)
    return _to_config(composed), choices_of(composed.hydra)


def choices_of(hydra: Any) -> dict[str, str]:
    """{"model": "berturk", ...}: the option chosen in each group, from Hydra's own node of the config."""
    chosen = hydra.runtime.choices
    return {group: str(chosen[group]) for group in (*GROUPS, "experiment") if chosen.get(group) is not None}


def check_command_line(argv: Sequence[str]) -> None:
    """Raises ConfigError with all that is wrong in any member that this command line would start.

    Command lines that start nothing (`--help`, `--cfg`, completion ...) pass, and those with a config folder of their
    own are left to `check_member`. Under a sweeper other than Hydra's own only the overrides common to all members can
    be known.
    """
    args = get_args_parser().parse_args(list(argv))
    if args.multirun and world_size() > 1:
        raise ConfigError(
            "-m: torchrun starts the processes of one run; start each run by a torchrun of its own, without -m"
        )
    starts_nothing = args.help or args.hydra_help or args.info or args.cfg or args.shell_completion
    if starts_nothing or args.config_path or args.config_name or args.config_dir or args.experimental_rerun:
        return
    with _composer():
        found = dict.fromkeys(_never_right(args.overrides))
        members = _compose_all(_members(args.overrides, args.multirun), found)
    for member in members:
        found.update(dict.fromkeys(_member_problems(member, args.multirun)))
    if found:
        raise ConfigError(list(found))


def of_this_process(argv: Sequence[str]) -> list[str]:
    """The command line as this process takes it: of several that train together only the first keeps a directory."""
    if is_main():
        return list(argv)
    quiet = ["hydra.run.dir=.", "hydra.output_subdir=null"]
    if not any(argument.startswith("hydra/job_logging=") for argument in argv):
        quiet.append("hydra/job_logging=worker")
    return [*argv, *quiet]


def _member_problems(member: DictConfig, multirun: bool) -> list[str]:
    try:
        return [*_problems(member), *_not_here(member, member.hydra), *_run_dir(member, multirun)]
    except OmegaConfBaseException as error:  # a group is gone
        return [first_line(error)]


def check_member(composed: DictConfig, hydra: Any) -> None:
    """Raises ConfigError with all that is wrong with a member that Hydra has composed, however it came to it."""
    problems = [*problems_of(from_hydra(composed)), *_not_here(composed, hydra)]
    if problems:
        raise ConfigError(problems)


def members_of(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each member that `python train.py -m <overrides>` would run, in order."""
    with _composer():
        return _members(list(overrides), multirun=True)


def _not_here(composed: DictConfig, hydra: Any) -> list[str]:
    """A member for SageMaker must not train on this machine unnoticed."""
    instance_type = composed.hardware.instance_type
    if instance_type is None or in_container():
        return []
    option = hydra.runtime.choices.hardware
    return [
        f"hardware={option}: {instance_type} is a SageMaker instance, and no launcher that could send a run there is "
        "part of this version yet; choose hardware=local to run on this machine"
    ]


def _run_dir(composed: DictConfig, multirun: bool) -> list[str]:
    """A run directory that cannot be made."""
    key, chosen = ("sweep", composed.hydra.sweep.dir) if multirun else ("run", composed.hydra.run.dir)
    if not chosen:
        return [f"hydra.{key}.dir=: choose a directory for what the run leaves"]
    place = Path(chosen).expanduser().absolute()
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return [f"hydra.{key}.dir={chosen}: {existing} is no directory that can be written to; choose another"]
    if shutil.disk_usage(existing).free < LEAST_BYTES:
        return [f"hydra.{key}.dir={chosen}: the disk is full there; free some space, or choose another directory"]
    return []


def _never_right(overrides: list[str]) -> list[str]:
    """What composition would let pass: keys that belong to the run, unknown ones forced in by ++, removals by ~."""
    problems = []
    for override in _parse(overrides):
        key = override.key_or_group
        if key in NOT_TO_SET:
            problems.append(f"{override.input_line}: {key} {NOT_TO_SET[key]}")
        elif override.is_delete() and not key.startswith("hydra"):
            problems.append(f"{override.input_line}: {key} cannot be removed; choose another option or value")
        elif override.is_force_add() and (unknown := explain_unknown(override)):
            problems.append(unknown)
    return problems


def _members(overrides: list[str], multirun: bool) -> list[list[str]]:
    """The overrides of each member, as Hydra's basic sweeper will make them."""
    if not multirun:
        return [overrides]
    parsed = _parse(overrides)
    fixed = [override for override in parsed if not override.is_sweep_override()]
    base = _compose_all([[str(override.input_line) for override in fixed]])[0]
    if "basic_sweeper" not in base.hydra.sweeper._target_:
        return [[str(override.input_line) for override in fixed]]
    sweeper_params = [f"{key}={value}" for key, value in (base.hydra.sweeper.get("params") or {}).items()]
    return BasicSweeper.split_arguments(_parse(sweeper_params) + parsed, None)[0]


def _parse(overrides: list[str]) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        wrong = first_line(error).removeprefix("LexerNoViableAltException: ")
        raise ConfigError(
            f"{wrong}: not in Hydra's form; write key=value, in quotes where the value has signs"
        ) from error


def _compose(overrides: list[str]) -> DictConfig:
    return hydra_compose("config", overrides=overrides, return_hydra_config=True)


def _compose_all(members: list[list[str]], known: dict[str, None] | None = None) -> list[DictConfig]:
    """Composes each member; on any failure, goes through all overrides one by one and names all that fail.

    Raises ConfigError with those and the problems already `known`.
    """
    composed: list[DictConfig] = []
    problems: dict[str, None] = {}
    for member in members:
        try:
            composed.append(_compose(member))
        except FAILURES as error:
            problems.update(dict.fromkeys(_composition_problems(member, error)))
    if problems:
        raise ConfigError(list({**(known or {}), **problems}))
    return composed


def _composition_problems(overrides: list[str], error: Exception) -> list[str]:
    problems: list[str] = []
    accepted: list[str] = []
    groups_first = sorted(_parse(overrides), key=lambda override: not is_group(override.key_or_group))
    for override in groups_first:
        line = str(override.input_line)
        try:
            _compose([*accepted, line])
            accepted.append(line)
        except FAILURES as failure:
            problems.append(explain(override, failure))
    try:
        rest = _problems(_compose(accepted))
    except FAILURES:  # what was removed is missing now
        rest = []
    return [*(problems or [first_line(error)]), *rest]


def _to_config(composed: DictConfig) -> Config:
    """The composed member as dataclasses; the run directory, known only when it starts, stands empty."""
    problems = _missing_and_unknown(composed)
    if problems:
        raise ConfigError(problems)
    try:
        return from_hydra(composed)
    except OmegaConfBaseException as error:
        full_key = _FULL_KEY.search(str(error))
        prefix = f"{full_key.group(1)}: " if full_key else ""
        raise ConfigError(prefix + first_line(error)) from error


def _missing_and_unknown(composed: DictConfig) -> list[str]:
    known = [item.name for item in fields(Config)]
    unknown = [str(key) for key in composed if key != "hydra" and key not in known]
    OmegaConf.update(composed, "training.output_dir", "")  # refers to Hydra's run directory
    nodes = {name: composed[name] for name in known if OmegaConf.is_config(composed[name])}
    missing = sorted(key for node in nodes.values() for key in OmegaConf.missing_keys(node))
    return [
        *(f"{key}: there is no key or group {key!r}; {allowed(key, [*known, 'experiment'])}" for key in unknown),
        *(f"{key}: has no value yet; give one: {key}=..." for key in missing),
    ]


def _problems(composed: DictConfig) -> list[str]:
    try:
        return problems_of(_to_config(composed))
    except ConfigError as error:
        return error.problems
