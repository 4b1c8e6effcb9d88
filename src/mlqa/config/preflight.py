"""Check the command line of train.py before Hydra starts anything.

Hydra stops at the first problem. In a multirun it finds an impossible combination only when the member runs.
`check_command_line` composes every member first and reports all problems at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.absolute_paths import make_paths_absolute
from mlqa.config.compose import compose_all, initialize_hydra
from mlqa.config.conversion import validate_composed
from mlqa.config.data_files import iter_sets
from mlqa.config.further_sets import find_set_problems
from mlqa.config.hydra_errors import explain_none, explain_removal, explain_unknown
from mlqa.config.member_overrides import split_members
from mlqa.config.overrides import parse_overrides
from mlqa.config.progress import report_progress
from mlqa.config.readiness import warn_before_launch
from mlqa.config.run_places import check_claims, check_rerun, check_run_dir, reserve_directory
from mlqa.config.schema import Config, build_config
from mlqa.config.validation import find_config_problems
from mlqa.config.wandb_agent import translate_agent_arguments
from mlqa.config.wandb_key import find_key_problems, warn_of_offline_jobs
from mlqa.config.wandb_variables import find_variable_problems
from mlqa.environment import get_world_size, is_in_container, is_main
from mlqa.errors import ConfigError

NOT_TO_SET = {
    "training.output_dir": "is always the run directory; set hydra.run.dir=... or hydra.sweep.dir=... instead",
    "training.seed": "is always the seed of the run; set seed=... instead",
}
SAGEMAKER_LAUNCHER = "sagemaker_launcher"  # part of the _target_ of the launcher's class


def check_command_line(argv: Sequence[str]) -> list[DictConfig]:
    """Check every member that this command line would start.

    Command lines that start nothing (`--help`, `--cfg`, completion ...) pass. `check_member` checks those that bring
    their own config folder. Under a sweeper other than Hydra's own only the overrides that all members share are known.

    Args:
        argv: The command line without the program.

    Returns:
        The composed members, empty if nothing was checked.

    Raises:
        ConfigError: With all problems of all members.
    """
    args = get_args_parser().parse_args(list(argv))
    multirun = is_multirun(args)
    if multirun and get_world_size() > 1:
        raise ConfigError(
            "-m: torchrun starts the processes of one run, not of several; start each run by its own torchrun, "
            "without -m"
        )
    if args.experimental_rerun:
        check_rerun(Path(args.experimental_rerun))
        return []
    starts_nothing = args.help or args.hydra_help or args.info or args.cfg or args.shell_completion
    if starts_nothing or args.config_path or args.config_name or args.config_dir:
        return []
    # As Hydra itself will compose them, so that nothing is composed again.
    overrides = [*args.overrides, f"hydra.mode={'MULTIRUN' if multirun else 'RUN'}"]
    with initialize_hydra(job_name=Path(sys.argv[0]).stem):
        problems = dict.fromkeys(_check_overrides(args.overrides))
        members = compose_all(split_members(overrides, multirun), problems)
    if multirun:
        problems.update(dict.fromkeys(_check_wandb_agent(members)))
    for member in report_progress(members, "checked"):
        problems.update(dict.fromkeys(_find_member_problems(member, multirun)))
    if not problems:  # only now is each config complete
        problems.update(dict.fromkeys(check_claims(members, multirun)))
    if problems:
        raise ConfigError(list(problems))
    return members


def prepare_start(argv: Sequence[str]) -> list[str]:
    """Check a command line, and return argv for this rank, in a directory that no other process has.

    Args:
        argv: The command line without the program.

    Raises:
        ConfigError: With all problems of all members, or because another process has the directory.
    """
    argv = translate_agent_arguments(argv)
    members = check_command_line(argv)
    if not is_main():
        return build_rank_argv(argv)
    multirun = is_multirun(get_args_parser().parse_args(list(argv)))
    if multirun:
        warn_of_offline_jobs(members)
        warn_before_launch(members)
    return add_overrides(argv, reserve_directory(members[0], multirun) if members else [])


def is_multirun(args: Namespace) -> bool:
    """Return whether Hydra starts a multirun: -m, or hydra.mode=MULTIRUN among the overrides.

    Args:
        args: The command line, parsed by Hydra's own parser.
    """
    modes = [line.partition("=")[2] for line in args.overrides if line.lstrip("+").startswith("hydra.mode=")]
    return bool(args.multirun or (modes and modes[-1] == RunMode.MULTIRUN.name))


def build_rank_argv(argv: Sequence[str]) -> list[str]:
    """Return argv for this rank: only rank 0 writes a run directory, and the others log warnings only.

    Args:
        argv: The command line without the program.
    """
    if is_main():
        return list(argv)
    quiet = ["hydra.run.dir=.", "hydra.output_subdir=null"]
    if not any(argument.startswith("hydra/job_logging=") for argument in argv):
        quiet.append("hydra/job_logging=worker")
    return add_overrides(argv, quiet)


def add_overrides(argv: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """Insert overrides into a command line: argparse takes them only in one row, after the last override."""
    places = [place for place, argument in enumerate(argv, 1) if "=" in argument and not argument.startswith("-")]
    last = max(places, default=0)
    return [*argv[:last], *overrides, *argv[last:]]


def check_member(composed: DictConfig, hydra: Any) -> Config:
    """Check a member that Hydra has composed, whatever command line, config folder or sweeper it comes from.

    Args:
        composed: The composed config of the member.
        hydra: Hydra's own node of it.

    Returns:
        The config of the run.

    Raises:
        ConfigError: With all problems of the member.
    """
    config = build_config(composed)
    if hydra.job.chdir:
        config = make_paths_absolute(config, Path(hydra.runtime.cwd))
    problems = [
        *find_config_problems(config),
        *_check_sagemaker_launch(composed, hydra, hydra.mode is RunMode.MULTIRUN),
    ]
    if problems:
        raise ConfigError(problems)
    return config


def _check_wandb_agent(members: list[DictConfig]) -> list[str]:
    """Refuse several members under a W&B agent: it has named one run, into which W&B would silently merge them."""
    given = next((name for name in ("WANDB_SWEEP_ID", "WANDB_RUN_ID") if os.environ.get(name)), None)
    own_sweeper = _is_basic_sweeper(members[0].hydra)
    if given is None or (len(members) == 1 and own_sweeper):
        return []
    count = f"{len(members)} members" if own_sweeper else "several members"
    return [
        f"-m: {given} names one W&B run and the command starts {count}; give each key one value and let the W&B sweep "
        f"vary it, or unset {given}"
    ]


def _find_member_problems(member: DictConfig, multirun: bool) -> list[str]:
    problems: list[str] = []
    # A group was removed, or an interpolation has no value: _check_overrides or validate_composed reports it.
    with contextlib.suppress(OmegaConfBaseException, AttributeError):
        problems += validate_composed(member)
        is_remote = member.hardware.instance_type is not None and not is_in_container()
        is_isolated = is_remote and bool(member.hydra.launcher.get("network_isolation"))
        own = member.hydra.runtime.choices.dataset  # is scored anyway
        for option in (name for name in member.evaluation.sets if name != own):
            problems += find_set_problems(option, is_remote, is_isolated)
        problems += _check_sagemaker_launch(member, member.hydra, multirun)
        problems += _check_network_isolation(member, member.hydra)
        problems += find_key_problems(member, member.hydra)
        problems += find_variable_problems(member)
        problems += check_run_dir(member, multirun)
    return problems


def _check_sagemaker_launch(composed: DictConfig, hydra: Any, multirun: bool) -> list[str]:
    """Refuse a member for SageMaker that would train on this machine."""
    instance_type = composed.hardware.instance_type
    if instance_type is None or is_in_container():
        return []
    problem = f"hardware={hydra.runtime.choices.hardware}: {instance_type} is a SageMaker instance"
    if not multirun:
        return [f"{problem}; put -m before the overrides to run there, or choose hardware=local to run on this machine"]
    if SAGEMAKER_LAUNCHER not in hydra.launcher._target_:
        launcher = hydra.runtime.choices["hydra/launcher"]
        return [f"{problem}, but hydra/launcher={launcher} runs on this machine; leave out hydra/launcher"]
    return []


def _check_network_isolation(composed: DictConfig, hydra: Any) -> list[str]:
    """Refuse a member that would download its data in a container without a network."""
    if composed.hardware.instance_type is None or is_in_container() or not hydra.launcher.get("network_isolation"):
        return []
    nodes = {"dataset": composed.dataset}
    nodes |= {f"dataset.mix.sets.{name}": mixed_set for name, mixed_set in iter_sets(composed.dataset)}
    return [
        f"{key}.{source}: cannot be fetched in a container without a network (hydra.launcher.network_isolation); "
        "choose dataset=squad_json and give files, which are uploaded"
        for key, node in nodes.items()
        for source in ("download", "hub")
        if node.get(source) is not None
    ]


def _is_basic_sweeper(hydra: Any) -> bool:
    return "basic_sweeper" in hydra.sweeper._target_


def _check_overrides(overrides: list[str]) -> list[str]:
    """Refuse what Hydra would accept: keys that the run sets itself, unknown keys added by ++, removals by ~."""
    problems = []
    for override in parse_overrides(overrides):
        key = override.key_or_group
        if key in NOT_TO_SET:
            problems.append(f"{override.input_line}: {key} {NOT_TO_SET[key]}")
        elif override.is_delete() and not key.startswith("hydra"):
            problems.append(explain_removal(override))
        elif none := explain_none(override):
            problems.append(none)
        elif override.is_force_add() and (unknown := explain_unknown(override)):
            problems.append(unknown)
    return problems
