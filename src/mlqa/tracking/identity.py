"""The identity under which trackers know a run. A run that resumes after an interruption keeps it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path

from mlqa.config.identity import compute_config_hash
from mlqa.config.model_label import resolve_model_label
from mlqa.config.run_places import find_sweep_dir
from mlqa.config.schema import Config
from mlqa.environment import read_source_state
from mlqa.tracking.protocol import RunIdentity

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LONGEST = 128  # characters: W&B's limit for an id or a group
_LONGEST_NAME = 64  # characters that a list of runs shows


def build_run_identity(config: Config, choices: dict[str, str], run_dir: Path) -> RunIdentity:
    """Build a run's identity from its sweep, member, choices, seed and config hash.

    On this machine the run directory gives sweep and member. A hash of its path is part of the id, because sweeps on
    two machines may start at the same time. In a container every run has the same directory. There the launcher sets
    SAGEMAKER_SWEEP_ID and SAGEMAKER_MEMBER, so that a spot restart is the same run again, and SAGEMAKER_SWEEP_DIR, the
    sweep's name.

    As in W&B, what is asked for wins over the environment: tracking.group over WANDB_RUN_GROUP, and in the same way
    name, notes, tags and job_type. Without either, the group is the W&B sweep (WANDB_SWEEP_ID), the launcher's sweep or
    the sweep's directory. If none is set, the run has no group.

    Args:
        config: The run's config.
        choices: Option chosen in each config group.
        run_dir: The run's directory.

    Returns:
        An identity whose id, name and group are valid in W&B.
    """
    named = {**choices, "model": resolve_model_label(config.model, choices)}
    config_hash = compute_config_hash(config)
    parts = [named["model"], choices.get("hardware", "local"), f"s{config.seed}", config_hash]
    launched = os.environ.get("SAGEMAKER_SWEEP_ID")
    if launched:
        # The same group as that of members that ran on the launching machine.
        sweep: str | None = name_sweep(Path(os.environ.get("SAGEMAKER_SWEEP_DIR") or launched))
        place = [launched, os.environ.get("SAGEMAKER_MEMBER", "0"), *parts]
    else:
        sweep_dir = find_sweep_dir(run_dir)
        sweep = name_sweep(sweep_dir) if sweep_dir else None
        member = str(run_dir.absolute().relative_to(sweep_dir)) if sweep_dir else run_dir.name
        digest = hashlib.sha256(str(run_dir.absolute()).encode()).hexdigest()[:6]
        place = [*([sweep, member] if sweep else [name_sweep(run_dir)]), *parts, digest]
    asked, environment, source = config.tracking, os.environ.get, read_source_state()
    group = asked.group or environment("WANDB_RUN_GROUP") or environment("WANDB_SWEEP_ID") or sweep or None
    tags = [*asked.tags] or [tag for tag in environment("WANDB_TAGS", "").split(",") if tag]
    price, count = config.hardware.usd_per_hour, config.hardware.instance_count
    return RunIdentity(
        # A W&B agent has named the run already.
        id=environment("WANDB_RUN_ID") or _shorten(_NOT_IN_IDS.sub("-", "-".join(place))),
        group=group and _shorten(group),
        tags=(
            *(f"{key}:{named[key]}" for key in ("model", "hardware", "dataset") if key in named),
            *filter(None, tags),
        ),
        config={
            **choices,
            "label": named["model"],
            "seed": config.seed,
            "config_hash": config_hash,
            "cfg": json.loads(json.dumps(asdict(config), default=attrgetter("value"))),
        },
        directory=run_dir,
        usd_per_hour=None if price is None else price * count,
        name=asked.name or environment("WANDB_NAME") or _build_name(named, config.seed, config_hash),
        notes=asked.notes or environment("WANDB_NOTES"),
        job_type=asked.job_type or environment("WANDB_JOB_TYPE") or "train",
        commit=source.commit if source else None,
        diff=source.diff if source else "",
    )


def _build_name(named: Mapping[str, str], seed: int, config_hash: str) -> str:
    """Build a readable name of at most `_LONGEST_NAME` characters. Runs with the same settings share its end."""
    rest = [named.get("dataset", ""), named.get("hardware", ""), f"s{seed}", config_hash[:4]]
    end = "".join(f" · {part}" for part in rest if part)
    model = named["model"]
    room = max(_LONGEST_NAME - len(end), 1)
    return ((model if len(model) <= room else f"…{model[1 - room :] if room > 1 else ''}") + end)[-_LONGEST_NAME:]


def name_sweep(folder: Path) -> str:
    """Return the name of a sweep or a run: its folder's, after its parent's if that is a date (<date>/<time>).

    Args:
        folder: Its directory.
    """
    folder = folder.absolute()
    return f"{folder.parent.name}_{folder.name}" if _DATE.fullmatch(folder.parent.name) else folder.name


def _shorten(text: str) -> str:
    """Shorten a text to `_LONGEST` characters. The hash of the whole text keeps different texts different."""
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{text[: _LONGEST - len(digest) - 1]}-{digest}"
