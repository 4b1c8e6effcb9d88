"""The identity under which trackers know a run. A run that resumes after an interruption keeps it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path

from mlqa.config.compose import resolve_model_label
from mlqa.config.identity import compute_config_hash
from mlqa.config.run_places import find_sweep_dir
from mlqa.config.schema import Config
from mlqa.tracking.protocol import RunIdentity

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LONGEST = 128  # characters: W&B's limit for an id or a group


def build_run_identity(config: Config, choices: dict[str, str], run_dir: Path) -> RunIdentity:
    """Build a run's identity from its sweep, member, choices, seed and config hash.

    On this machine the run directory gives sweep and member. A hash of its path is part of the name, because sweeps on
    two machines may start at the same time. In a container every run has the same directory. There the launcher sets
    SAGEMAKER_SWEEP_ID and SAGEMAKER_MEMBER, so that a spot restart is the same run again, and SAGEMAKER_SWEEP_DIR, the
    sweep's name.

    The group is the first one that is set of tracking.group, WANDB_RUN_GROUP, WANDB_SWEEP_ID (a W&B sweep), the
    launcher's sweep, and the sweep's directory. If none is set, the run has no group.

    Args:
        config: The run's config.
        choices: Option chosen in each config group.
        run_dir: The run's directory.

    Returns:
        An identity whose name and group are valid in W&B.
    """
    named = {**choices, "model": resolve_model_label(config.model, choices)}
    parts = [named["model"], choices.get("hardware", "local"), f"s{config.seed}", compute_config_hash(config)]
    launched = os.environ.get("SAGEMAKER_SWEEP_ID")
    if launched:
        # The same group as that of members that ran on the launching machine.
        sweep: str | None = _with_date(Path(os.environ.get("SAGEMAKER_SWEEP_DIR") or launched))
        name = [launched, os.environ.get("SAGEMAKER_MEMBER", "0"), *parts]
    else:
        sweep_dir = find_sweep_dir(run_dir)
        sweep = _with_date(sweep_dir) if sweep_dir else None
        member = str(run_dir.absolute().relative_to(sweep_dir)) if sweep_dir else run_dir.name
        place = hashlib.sha256(str(run_dir.absolute()).encode()).hexdigest()[:6]
        name = [*([sweep, member] if sweep else [_with_date(run_dir)]), *parts, place]
    group = (
        config.tracking.group or os.environ.get("WANDB_RUN_GROUP") or os.environ.get("WANDB_SWEEP_ID") or sweep or None
    )
    price, count = config.hardware.usd_per_hour, config.hardware.instance_count
    return RunIdentity(
        name=_shorten(_NOT_IN_IDS.sub("-", "-".join(name))),
        group=group and _shorten(group),
        tags=tuple(f"{key}:{named[key]}" for key in ("model", "hardware", "dataset") if key in named),
        config={
            **choices,
            "seed": config.seed,
            "cfg": json.loads(json.dumps(asdict(config), default=attrgetter("value"))),
        },
        directory=run_dir,
        usd_per_hour=None if price is None else price * count,
    )


def _with_date(folder: Path) -> str:
    """Return the folder's name, after its parent's name if that is a date: Hydra's <date>/<time>."""
    parent = folder.absolute().parent.name
    return f"{parent}_{folder.name}" if _DATE.fullmatch(parent) else folder.absolute().name


def _shorten(text: str) -> str:
    """Shorten a text to `_LONGEST` characters. The hash of the whole text keeps different texts different."""
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{text[: _LONGEST - len(digest) - 1]}-{digest}"
