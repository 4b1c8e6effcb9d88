"""Who a run is to its trackers: the same again when it goes on after an interruption."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlqa.config import Config, config_hash
from mlqa.tracking import RunIdentity


def identity_of_run(config: Config, choices: dict[str, str], run_dir: Path) -> RunIdentity:
    """Named after the sweep, the choices, the seed, the config's hash and the place of the run directory."""
    parts = [choices.get("model", "model"), choices.get("hardware", "local"), f"s{config.seed}", config_hash(config)]
    place = hashlib.sha256(str(run_dir.absolute()).encode()).hexdigest()[:6]  # sweeps of two days may share a time
    return RunIdentity(
        name="-".join([run_dir.parent.name, run_dir.name, *parts, place]),
        group=run_dir.parent.name,
        tags=tuple(f"{group}:{choices[group]}" for group in ("model", "hardware", "dataset") if group in choices),
        config={**choices, "seed": config.seed, "cfg": _plain(asdict(config))},
        directory=run_dir,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return getattr(value, "value", value)
