"""Which settings the members of a sweep differ in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

DEFAULT_KEYS = ("label", "hardware")
_GROUPS = ("model", "dataset", "hardware", "optimizer", "experiment")  # whose option the config of a run names
# What tells no treatments apart: places, and what else a run is called.
_IGNORED = ("training.output_dir", "tracking", "report")
_MOST = 8  # axes that a plot of parallel coordinates can show


def read_swept_keys(sweep_dir: Path) -> list[str]:
    """Read from the overrides of each member which settings they differ in.

    Args:
        sweep_dir: Directory of the multirun.

    Returns:
        Dotted keys and names of groups, in the order of the command.
    """
    members = []
    for path in sorted(sweep_dir.glob("**/.hydra/overrides.yaml")):
        lines = OmegaConf.to_container(OmegaConf.load(path))
        if isinstance(lines, list):
            members.append(dict(str(line).lstrip("+~").partition("=")[::2] for line in lines))
    keys = dict.fromkeys(key for member in members for key in member)
    return [key for key in keys if len({member.get(key) for member in members}) > 1][:_MOST]


def find_differing_keys(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Find the settings in which resolved configs differ.

    Args:
        configs: The node `cfg` of what runs logged.

    Returns:
        Dotted keys.
    """
    flat = [dict(_flatten(config)) for config in configs]
    keys = dict.fromkeys(key for config in flat for key in config)
    differing = [key for key in keys if len({str(config.get(key)) for config in flat}) > 1]
    # Of a group whose option differs, its settings say nothing more.
    whole = [
        group for group in ("model", "hardware", "dataset") if any(key.startswith(f"{group}.") for key in differing)
    ]
    rest = [key for key in differing if key.partition(".")[0] not in whole]
    return [*whole, *rest][:_MOST]


def name_config_key(key: str) -> str:
    """Return where the config of a W&B run has a setting: groups and the seed on top, the rest below `cfg`."""
    if key == "model":
        return "label"  # what was loaded, even if model.pretrained says another than the option
    return key if key in (*_GROUPS, "seed", "label") else f"cfg.{key}"


def _flatten(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        path = f"{prefix}.{key}" if prefix else str(key)
        if path in _IGNORED:
            continue
        if isinstance(value, Mapping):
            yield from _flatten(value, path)
        else:
            yield path, value
