"""Where W&B has the runs of a sweep: what its members recorded when they ran."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.run_places import find_sweep_dir
from mlqa.errors import ConfigError, RunError
from mlqa.result import FILE, read_result
from mlqa.tracking.identity import name_sweep
from mlqa.tracking.swept_keys import DEFAULT_KEYS, read_swept_keys

_KEYS = ("project", "entity", "group")


@dataclass(frozen=True)
class TrackedSweep:
    """A sweep as W&B knows it. What is None is not known."""

    group: str
    project: str | None = None
    entity: str | None = None
    swept: Sequence[str] | None = None  # the settings that its members differ in
    directory: Path | None = None


def read_tracked_sweep(folder: Path, project: str | None = None, entity: str | None = None) -> TrackedSweep:
    """Read where W&B has the runs of a directory.

    Args:
        folder: Directory of a sweep. That of a member stands for its sweep.
        project: W&B project, if it is not to be read.
        entity: W&B user or team, if it is not to be read.

    Raises:
        RunError: No run is in it.
        ConfigError: It is a single run without a group, or its runs are in several projects, entities or groups.
    """
    is_run = (folder / ".hydra").is_dir() or (folder / FILE).is_file()
    sweep_dir = (find_sweep_dir(folder) if is_run else None) or folder
    by_config = (path.parent.parent for path in sweep_dir.glob("**/.hydra/config.yaml"))
    run_dirs = sorted({*by_config, *(path.parent for path in sweep_dir.glob(f"**/{FILE}"))})
    if not run_dirs:
        raise RunError(f"{folder}: holds no run; give the directory of a sweep (multirun/<date>/<time>)")
    found = [_read_place(run_dir) for run_dir in run_dirs]
    told = {key: list(dict.fromkeys(str(place[key]) for place in found if place.get(key))) for key in _KEYS}
    told |= {key: [value] for key, value in (("project", project), ("entity", entity)) if value}
    if not told["group"]:
        told["group"] = _list_default_groups(run_dirs)
    for key, values in told.items():
        if len(values) > 1:
            way_out = "give the directory of one sweep, or a group's name" if key == "group" else f"choose by --{key}"
            raise ConfigError(f"{folder}: its runs are in several W&B {key}s ({', '.join(values)}); {way_out}")
    project, entity, group = (values[0] if values else None for values in told.values())
    if group is None and is_run and sweep_dir == folder:
        raise ConfigError(
            f"{folder}: is a single run without a group; a dashboard compares runs: give a sweep's directory, or train "
            "with tracking.group=..."
        )
    swept = read_swept_keys(sweep_dir) or DEFAULT_KEYS
    return TrackedSweep(group or name_sweep(sweep_dir), project, entity, swept, sweep_dir)


def _list_default_groups(run_dirs: Sequence[Path]) -> list[str]:
    """Return the groups of runs that were told none: that of the environment, else the names of their sweeps."""
    if group := os.environ.get("WANDB_RUN_GROUP"):
        return [group]
    return list(dict.fromkeys(name_sweep(sweep) for run_dir in run_dirs if (sweep := find_sweep_dir(run_dir))))


def _read_place(run_dir: Path) -> dict[str, Any]:
    """Return the project, entity and group of a run: as W&B had them, else as they were asked for."""
    try:
        asked = OmegaConf.select(OmegaConf.load(run_dir / ".hydra" / "config.yaml"), "tracking")
    except (OSError, OmegaConfBaseException, ValueError):
        asked = None
    try:
        had = (read_result(run_dir).get("tracking") or {}).get("wandb") or {}
    except RunError:
        had = {}
    return {key: had.get(key) or (asked or {}).get(key) for key in _KEYS}
