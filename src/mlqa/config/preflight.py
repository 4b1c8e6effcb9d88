"""Check the command line of train.py before Hydra starts anything.

Hydra stops at the first problem. In a multirun it finds an impossible combination only when the member runs.
`check_command_line` composes every member first and reports all problems at once.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.compose import (
    compose_all,
    convert_to_config,
    initialize_hydra,
    parse_overrides,
    split_members,
    validate_composed,
)
from mlqa.config.hydra_errors import explain_removal, explain_unknown
from mlqa.config.identity import compute_config_hash
from mlqa.config.progress import report_progress
from mlqa.config.schema import build_config
from mlqa.config.sweep_loader import SweepLoader
from mlqa.config.validation import find_config_problems
from mlqa.config.wandb_key import find_key_problems, warn_of_offline_jobs
from mlqa.environment import get_world_size, is_in_container, is_main
from mlqa.errors import ConfigError, RunError
from mlqa.result import FILE, find_completed

NOT_TO_SET = {
    "training.output_dir": "is always the run directory; set hydra.run.dir=... or hydra.sweep.dir=... instead",
    "training.seed": "is always the seed of the run; set seed=... instead",
}
SAGEMAKER_LAUNCHER = "sagemaker_launcher"  # part of the _target_ of the launcher's class
MIN_FREE_BYTES = 1 << 20  # the files of a run besides its model


def check_command_line(argv: Sequence[str]) -> None:
    """Check every member that this command line would start.

    Command lines that start nothing (`--help`, `--cfg`, completion ...) pass. `check_member` checks those that bring
    their own config folder. Under a sweeper other than Hydra's own only the overrides that all members share are known.

    Args:
        argv: The command line without the program.

    Raises:
        ConfigError: With all problems of all members.
    """
    args = get_args_parser().parse_args(list(argv))
    if args.multirun and get_world_size() > 1:
        raise ConfigError(
            "-m: torchrun starts the processes of one run, not of several; start each run by its own torchrun, "
            "without -m"
        )
    starts_nothing = args.help or args.hydra_help or args.info or args.cfg or args.shell_completion
    if starts_nothing or args.config_path or args.config_name or args.config_dir or args.experimental_rerun:
        return
    # As Hydra itself will compose them, so that nothing is composed again.
    overrides = [*args.overrides, "hydra.mode=MULTIRUN"] if args.multirun else args.overrides
    with initialize_hydra(job_name=Path(sys.argv[0]).stem):
        SweepLoader.install()
        problems = dict.fromkeys(_check_overrides(args.overrides))
        members = compose_all(split_members(overrides, args.multirun), problems)
    if args.multirun:
        problems.update(dict.fromkeys(_check_wandb_agent(members)))
    for member in report_progress(members, "checked"):
        problems.update(dict.fromkeys(_find_member_problems(member, args.multirun)))
    if not problems:  # only now is each config complete
        claims = (_check_claim(member, args.multirun, number) for number, member in enumerate(members))
        problems.update(dict.fromkeys(problem for found in claims for problem in found))
    if problems:
        raise ConfigError(list(problems))
    if args.multirun:
        warn_of_offline_jobs(members)


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
    # argparse takes overrides only in one row, so insert after the last override and not after an option behind it.
    places = [place for place, argument in enumerate(argv, 1) if "=" in argument and not argument.startswith("-")]
    last = max(places, default=0)
    return [*argv[:last], *quiet, *argv[last:]]


def check_member(composed: DictConfig, hydra: Any) -> None:
    """Check a member that Hydra has composed, whatever command line, config folder or sweeper it comes from.

    Args:
        composed: The composed config of the member.
        hydra: Hydra's own node of it.

    Raises:
        ConfigError: With all problems of the member.
    """
    problems = [
        *find_config_problems(build_config(composed)),
        *_check_sagemaker_launch(composed, hydra, hydra.mode is RunMode.MULTIRUN),
    ]
    if problems:
        raise ConfigError(problems)


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
    try:
        return [
            *validate_composed(member),
            *_check_sagemaker_launch(member, member.hydra, multirun),
            *_check_network_isolation(member, member.hydra),
            *find_key_problems(member, member.hydra),
            *_check_run_dir(member, multirun),
        ]
    except OmegaConfBaseException:  # a group was removed, which _check_overrides has already reported
        return []


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
    return [
        f"dataset.{source}: cannot be fetched in a container without a network (hydra.launcher.network_isolation); "
        "choose dataset=squad_json and give files, which are uploaded"
        for source in ("download", "hub")
        if composed.dataset[source] is not None
    ]


def _check_run_dir(composed: DictConfig, multirun: bool) -> list[str]:
    """Refuse a run directory that cannot be created, or that has an input of the run in it."""
    key, chosen = ("sweep", composed.hydra.sweep.dir) if multirun else ("run", composed.hydra.run.dir)
    if not chosen:
        return [f"hydra.{key}.dir=: is empty; choose a directory for the files of the run"]
    place = Path(chosen).expanduser().absolute()
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return [f"hydra.{key}.dir={chosen}: {existing} is not a writable directory; choose another"]
    inputs = {
        "model.pretrained": composed.model.pretrained,
        "dataset.train_file": composed.dataset.train_file,
        "dataset.validation_file": composed.dataset.validation_file,
    }
    inside = [f"{name}={value}" for name, value in inputs.items() if value and place in Path(value).absolute().parents]
    if inside and place != Path.cwd():
        return [
            f"{item}: is inside the run directory, which the run may clear; choose another hydra.{key}.dir"
            for item in inside
        ]
    if shutil.disk_usage(existing).free < MIN_FREE_BYTES:
        return [f"hydra.{key}.dir={chosen}: its disk is full; free some space or choose another directory"]
    return []


def _is_basic_sweeper(hydra: Any) -> bool:
    return "basic_sweeper" in hydra.sweeper._target_


def _check_claim(composed: DictConfig, multirun: bool, number: int) -> list[str]:
    """Refuse the directory of another completed run, before Hydra writes its .hydra and train.log there."""
    hydra = composed.hydra
    if multirun and (composed.hardware.instance_type is not None or hydra.launcher.get("resume")):
        return []  # the launcher knows its own sweeps
    if multirun and not _is_basic_sweeper(hydra):
        return []  # only the overrides that all members share are known
    with open_dict(hydra), read_write(hydra):
        hydra.job.num = number
    run_dir = Path(hydra.sweep.dir, hydra.sweep.subdir) if multirun else Path(hydra.run.dir)
    if not (run_dir / FILE).exists():  # nearly always, and then the hash of hundreds of members is not needed
        return []
    try:
        find_completed(run_dir, compute_config_hash(convert_to_config(composed)))
    except RunError as error:
        return [str(error)]
    return []


def _check_overrides(overrides: list[str]) -> list[str]:
    """Refuse what Hydra would accept: keys that the run sets itself, unknown keys added by ++, removals by ~."""
    problems = []
    for override in parse_overrides(overrides):
        key = override.key_or_group
        if key in NOT_TO_SET:
            problems.append(f"{override.input_line}: {key} {NOT_TO_SET[key]}")
        elif override.is_delete() and not key.startswith("hydra"):
            problems.append(explain_removal(override))
        elif override.is_force_add() and (unknown := explain_unknown(override)):
            problems.append(unknown)
    return problems
