"""The command line of train.py, checked before Hydra starts anything.

Hydra stops at the first thing that is wrong and, in a multirun, learns of an impossible combination only
when its member runs. `check_command_line` composes every member first and says all that is wrong at once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.compose import compose_all, initialize_hydra, parse_overrides, split_members, validate_composed
from mlqa.config.hydra_errors import explain_unknown
from mlqa.config.schema import build_config
from mlqa.config.validation import find_config_problems
from mlqa.environment import get_world_size, is_in_container, is_main
from mlqa.errors import ConfigError, summarize_error

NOT_TO_SET = {
    "training.output_dir": "is always the run directory; choose it by hydra.run.dir=... or hydra.sweep.dir=...",
    "training.seed": "is the run's seed; choose it by seed=...",
}
SAGEMAKER_LAUNCHER = "sagemaker_launcher"  # part of its class's address
LEAST_BYTES = 1 << 20  # what a run leaves beside its model


def check_command_line(argv: Sequence[str]) -> None:
    """Raises ConfigError with all that is wrong in any member that this command line would start.

    Command lines that start nothing (`--help`, `--cfg`, completion ...) pass, and those with a config folder of their
    own are left to `check_member`. Under a sweeper other than Hydra's own only the overrides common to all members can
    be known.
    """
    args = get_args_parser().parse_args(list(argv))
    if args.multirun and get_world_size() > 1:
        raise ConfigError(
            "-m: torchrun starts the processes of one run; start each run by a torchrun of its own, without -m"
        )
    starts_nothing = args.help or args.hydra_help or args.info or args.cfg or args.shell_completion
    if starts_nothing or args.config_path or args.config_name or args.config_dir or args.experimental_rerun:
        return
    with initialize_hydra():
        found = dict.fromkeys(_check_overrides(args.overrides))
        members = compose_all(split_members(args.overrides, args.multirun), found)
    if args.multirun:
        found.update(dict.fromkeys(_check_wandb_agent(members)))
    for member in members:
        found.update(dict.fromkeys(_find_member_problems(member, args.multirun)))
    if found:
        raise ConfigError(list(found))


def build_rank_argv(argv: Sequence[str]) -> list[str]:
    """The command line as this process takes it: of several that train together only the first keeps a directory."""
    if is_main():
        return list(argv)
    quiet = ["hydra.run.dir=.", "hydra.output_subdir=null"]
    if not any(argument.startswith("hydra/job_logging=") for argument in argv):
        quiet.append("hydra/job_logging=worker")
    # argparse takes overrides in one row only: after the last of them, not after an option that stands behind.
    last = max((number for number, argument in enumerate(argv, 1) if _is_override(argument)), default=0)
    return [*argv[:last], *quiet, *argv[last:]]


def _is_override(argument: str) -> bool:
    return "=" in argument and not argument.startswith("-")


def check_member(composed: DictConfig, hydra: Any) -> None:
    """Raises ConfigError with all that is wrong with a member that Hydra has composed, however it came to it."""
    problems = [
        *find_config_problems(build_config(composed)),
        *_check_sagemaker_launch(composed, hydra, hydra.mode is RunMode.MULTIRUN),
    ]
    if problems:
        raise ConfigError(problems)


def _check_wandb_agent(members: list[DictConfig]) -> list[str]:
    """A W&B agent has named one run: several members under that name would silently be merged into it."""
    given = next((name for name in ("WANDB_SWEEP_ID", "WANDB_RUN_ID") if os.environ.get(name)), None)
    own_sweeper = "basic_sweeper" in members[0].hydra.sweeper._target_
    if given is None or (len(members) == 1 and own_sweeper):
        return []
    count = f"{len(members)} members" if own_sweeper else "several members"
    return [
        f"-m: one W&B run ({given} is set) would hold {count}; give single values, and let the sweep's own parameters "
        f"vary, or unset {given}"
    ]


def _find_member_problems(member: DictConfig, multirun: bool) -> list[str]:
    try:
        return [
            *validate_composed(member),
            *_check_sagemaker_launch(member, member.hydra, multirun),
            *_check_network_isolation(member, member.hydra),
            *_check_run_dir(member, multirun),
        ]
    except OmegaConfBaseException as error:  # a group is gone
        return [summarize_error(error)]


def _check_sagemaker_launch(composed: DictConfig, hydra: Any, multirun: bool) -> list[str]:
    """A member for SageMaker must not train on this machine unnoticed."""
    instance_type = composed.hardware.instance_type
    if instance_type is None or is_in_container():
        return []
    said = f"hardware={hydra.runtime.choices.hardware}: {instance_type} is a SageMaker instance"
    if not multirun:
        return [f"{said}; put -m before the overrides to run there, or choose hardware=local to run on this machine"]
    if SAGEMAKER_LAUNCHER not in hydra.launcher._target_:
        launcher = hydra.runtime.choices["hydra/launcher"]
        return [f"{said}, and hydra/launcher={launcher} runs on this machine; leave it out"]
    return []


def _check_network_isolation(composed: DictConfig, hydra: Any) -> list[str]:
    """A member whose container has no network cannot download its data."""
    if composed.hardware.instance_type is None or is_in_container() or not hydra.launcher.get("network_isolation"):
        return []
    return [
        f"dataset.{source}: cannot be fetched from inside (hydra.launcher.network_isolation); choose "
        "dataset=squad_json with files, which travel"
        for source in ("download", "hub")
        if composed.dataset[source] is not None
    ]


def _check_run_dir(composed: DictConfig, multirun: bool) -> list[str]:
    """A run directory that cannot be made."""
    key, chosen = ("sweep", composed.hydra.sweep.dir) if multirun else ("run", composed.hydra.run.dir)
    if not chosen:
        return [f"hydra.{key}.dir=: choose a directory for what the run leaves"]
    place = Path(chosen).expanduser().absolute()
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return [f"hydra.{key}.dir={chosen}: {existing} is no directory that can be written to; choose another"]
    inputs = {
        "model.pretrained": composed.model.pretrained,
        "dataset.train_file": composed.dataset.train_file,
        "dataset.validation_file": composed.dataset.validation_file,
    }
    inside = [f"{name}={value}" for name, value in inputs.items() if value and place in Path(value).absolute().parents]
    if inside and place != Path.cwd():
        own = f"lies in the run directory, which is the run's own; choose another hydra.{key}.dir"
        return [f"{item}: {own}" for item in inside]
    if shutil.disk_usage(existing).free < LEAST_BYTES:
        return [f"hydra.{key}.dir={chosen}: the disk is full there; free some space, or choose another directory"]
    return []


def _check_overrides(overrides: list[str]) -> list[str]:
    """What composition would let pass: keys that belong to the run, unknown ones forced in by ++, removals by ~."""
    problems = []
    for override in parse_overrides(overrides):
        key = override.key_or_group
        if key in NOT_TO_SET:
            problems.append(f"{override.input_line}: {key} {NOT_TO_SET[key]}")
        elif override.is_delete() and not key.startswith("hydra"):
            problems.append(f"{override.input_line}: {key} cannot be removed; choose another option or value")
        elif override.is_force_add() and (unknown := explain_unknown(override)):
            problems.append(unknown)
    return problems
