"""A member of a multirun: its composed config, its hardware, and the overrides that recreate it in a container."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobRuntime, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from hydra_sagemaker_launcher.catalog.hardware import Hardware, parse_hardware
from hydra_sagemaker_launcher.errors import LaunchError

# Hydra's own keys for composing and starting members, which a container does not do.
_NOT_IN_CONTAINER = ("hydra.launcher", "hydra.sweeper", "hydra.sweep", "hydra.run", "hydra.mode", "hydra.runtime")
# Of the hardware node.
_LIMITS = ("fallbacks", "max_hours", "max_pending_minutes", "spot", "usd_per_hour", "volume_gb")


@dataclass
class Member:
    """A member of a sweep.

    Attributes:
        number: Its job number, from 0.
        overrides: Its overrides, as the sweeper gave them.
        config: The composed config, with Hydra's node.
        directory: Its run directory.
        hardware: The machine that it runs on, None for this process.
    """

    number: int
    overrides: list[str]
    config: DictConfig
    directory: Path
    hardware: Hardware | None

    @property
    def job_hardware(self) -> Hardware:
        """The hardware of a member that runs on SageMaker: only members of this process have none."""
        assert self.hardware is not None
        return self.hardware

    @property
    def task_config(self) -> DictConfig:
        """A copy of the composed config without Hydra's node, as the task function gets it."""
        return remove_hydra_node(self.config)

    @property
    def task_overrides(self) -> list[str]:
        """The overrides of the app's config, without Hydra's own."""
        return _list_unresolved(self.config.hydra.overrides.task)

    @property
    def choices(self) -> dict[str, str]:
        """The option chosen in each of the app's config groups."""
        chosen = self.config.hydra.runtime.choices
        return {str(key): str(chosen[key]) for key in chosen if not str(key).startswith("hydra/") and chosen[key]}

    def list_container_overrides(self) -> list[str]:
        """Return the overrides that compose the same config in a container, in Hydra's grammar and unchanged."""
        hydra_overrides = _list_unresolved(self.config.hydra.overrides.hydra)
        parsed = OverridesParser.create().parse_overrides([*hydra_overrides, *self.overrides])
        return [
            str(override.input_line)
            for override in parsed
            if not override.key_or_group.replace("/", ".").startswith(_NOT_IN_CONTAINER)
        ]

    def build_job_return(self, status: JobStatus, value: Any) -> JobReturn:
        """Build the result that a sweeper expects, with the same fields as for a member that ran here.

        Args:
            status: How the member ended.
            value: What the task function returned, or the exception that asking for the result raises.
        """
        return JobReturn(
            overrides=self.task_overrides,
            cfg=self.task_config,
            hydra_cfg=OmegaConf.masked_copy(self.config, "hydra"),
            working_dir=str(self.directory),
            task_name=str(JobRuntime.instance().get("name")),
            status=status,
            _return_value=value,
        )

    def write_hydra_files(self) -> None:
        """Write .hydra/{config,hydra,overrides}.yaml as Hydra does for a member that runs here."""
        if self.config.hydra.output_subdir is None:
            return
        folder = self.directory / str(self.config.hydra.output_subdir)
        if folder.is_file():  # the script has written a file of that name
            folder.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.task_config, folder / "config.yaml")
        OmegaConf.save(OmegaConf.masked_copy(self.config, "hydra"), folder / "hydra.yaml")
        OmegaConf.save(self.config.hydra.overrides.task, folder / "overrides.yaml")


def compose_member(
    context: HydraContext,
    sweep_config: DictConfig,
    overrides: Sequence[str],
    number: int,
    hardware_key: str,
    sweep_dir: Path | None = None,
) -> Member:
    """Compose a member as Hydra does.

    Args:
        context: Hydra's context.
        sweep_config: The composed config of the sweep.
        overrides: The overrides of the member.
        number: Its job number.
        hardware_key: The key of the config node that describes its hardware.
        sweep_dir: The sweep directory, None for the one in the config.

    Raises:
        HydraException: The config cannot be composed.
        LaunchError: The hardware node is invalid, or an interpolation in it or in its directory cannot be resolved.
    """
    config = context.config_loader.load_sweep_config(sweep_config, list(overrides))
    with open_dict(config):
        config.hydra.job.id = str(number)
        config.hydra.job.num = number
        if sweep_dir is not None:
            config.hydra.sweep.dir = str(sweep_dir)
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)  # the directory's name may use ${hydra:...}
    try:
        directory = Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir)).absolute()
        with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
            config.hydra.runtime.output_dir = str(directory)
        node = OmegaConf.select(config, hardware_key)
        plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else None
    except OmegaConfBaseException as error:
        raise LaunchError(
            f"{error.full_key or hardware_key}: has no value for #{number}: {str(error).strip().splitlines()[0]}; "
            "give it one"
        ) from error
    finally:
        HydraConfig.instance().cfg = before
    return Member(number, list(overrides), config, directory, parse_hardware(plain))  # type: ignore[arg-type]


def check_single_process() -> None:
    """Check that no other process submits the same members.

    Raises:
        LaunchError: This is one of the processes of torchrun or mpirun.
    """
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes.isdecimal() and int(processes) > 1:
        raise LaunchError(
            f"WORLD_SIZE={processes}: each of these processes would submit the sweep; start the launch with python, "
            "and let hardware.distribution=torchrun start the processes inside the job"
        )


def find_distinct_overrides(members: Sequence[Member]) -> dict[int, list[str]]:
    """Find the overrides that tell each member from the others.

    Returns:
        The overrides by member number. A single member gets all of its overrides.
    """
    common = set.intersection(*(set(member.task_overrides) for member in members)) if len(members) > 1 else set()
    return {
        member.number: [override for override in member.task_overrides if override not in common] for member in members
    }


def _list_unresolved(overrides: ListConfig) -> list[str]:
    """Return overrides with their interpolations unresolved: the value of ${oc.env:...} may be a secret."""
    return [str(override) for override in OmegaConf.to_container(overrides, resolve=False) or ()]


def remove_hydra_node(config: DictConfig) -> DictConfig:
    """Return a copy of a composed config without Hydra's node."""
    task = copy.deepcopy(config)
    with read_write(task), open_dict(task):
        del task["hydra"]
    return task


def hash_config(task_config: DictConfig) -> str:
    """Return the SHA-256 of a config, which is the same on every machine.

    Args:
        task_config: The config without Hydra's node. Its interpolations stay unresolved.
    """
    return _hash_json(_to_plain_container(task_config))


def hash_resumable_config(task_config: DictConfig, hardware_key: str) -> str:
    """Return the SHA-256 of a config without the limits that a resumed sweep may change.

    These are time, waiting, fallbacks, spot, price and disk.

    Args:
        task_config: The config without Hydra's node.
        hardware_key: The key of the node that has the limits.
    """
    plain = _to_plain_container(task_config)
    node: Any = plain
    for part in hardware_key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    for key in _LIMITS if isinstance(node, dict) else ():
        node.pop(key, None)
    return _hash_json(plain)


def _to_plain_container(task_config: DictConfig) -> Any:
    return OmegaConf.to_container(task_config, resolve=False, enum_to_str=True)


def _hash_json(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()
