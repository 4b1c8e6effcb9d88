"""Who a run is to its trackers: the same again when it goes on after an interruption."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlqa.config.compose import resolve_model_label
from mlqa.config.identity import compute_config_hash
from mlqa.config.schema import Config
from mlqa.tracking.protocol import RunIdentity

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LONGEST = 128  # characters of an id or group that W&B takes


def build_run_identity(config: Config, choices: dict[str, str], run_dir: Path) -> RunIdentity:
    """Named after the sweep, the member, the choices, the seed and the config's hash.

    On this machine sweep and member are read off the run directory, whose place is part of the name, as sweeps of two
    machines may share a time. In a container every run has the same directory: the launcher says by SAGEMAKER_SWEEP_ID
    and SAGEMAKER_MEMBER which one it is, so that a spot restart is the same run again, and by SAGEMAKER_SWEEP_DIR how
    its sweep is called.
    The group is the first that there is of tracking.group, WANDB_RUN_GROUP, W&B's sweep (WANDB_SWEEP_ID), the
    launcher's, the sweep's directory. A run that belongs to none of them has no group.
    """
    named = {**choices, "model": resolve_model_label(config.model, choices)}
    parts = [
        named["model"],
        choices.get("hardware", "local"),
        f"s{config.seed}",
        compute_config_hash(config),
    ]
    launched = os.environ.get("SAGEMAKER_SWEEP_ID")
    if launched:
        # As the members that ran on the launching machine are grouped.
        sweep: str | None = _with_date(Path(os.environ.get("SAGEMAKER_SWEEP_DIR") or launched))
        name = [launched, os.environ.get("SAGEMAKER_MEMBER", "0"), *parts]
    else:
        sweep = _with_date(run_dir.parent) if (run_dir.parent / "multirun.yaml").is_file() else None
        place = hashlib.sha256(str(run_dir.absolute()).encode()).hexdigest()[:6]
        name = [*([sweep, run_dir.name] if sweep else [_with_date(run_dir)]), *parts, place]
    group = (
        config.tracking.group or os.environ.get("WANDB_RUN_GROUP") or os.environ.get("WANDB_SWEEP_ID") or sweep or None
    )
    price, count = config.hardware.usd_per_hour, config.hardware.instance_count
    return RunIdentity(
        name=_shorten(_NOT_IN_IDS.sub("-", "-".join(name))),
        group=group and _shorten(group),
        tags=tuple(f"{key}:{named[key]}" for key in ("model", "hardware", "dataset") if key in named),
        config={**choices, "seed": config.seed, "cfg": _unwrap_enums(asdict(config))},
        directory=run_dir,
        usd_per_hour=None if price is None else price * count,
    )


def _with_date(folder: Path) -> str:
    """The folder's name, with that of its parent where this is a date: Hydra's <date>/<time>."""
    parent = folder.absolute().parent.name
    return f"{parent}_{folder.name}" if _DATE.fullmatch(parent) else folder.absolute().name


def _shorten(text: str) -> str:
    """At most `_LONGEST` characters; what is cut off goes into a hash, so that different texts stay different."""
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{text[: _LONGEST - len(digest) - 1]}-{digest}"


def _unwrap_enums(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unwrap_enums(item) for key, item in value.items()}
    return getattr(value, "value", value)
