"""How many members a sweep will have in all, if its sweeper launches them in batches."""

from __future__ import annotations

import math
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

# Where sweepers keep the number: Optuna's, Ax's, Nevergrad's.
_KEYS = ("n_trials", "ax_config.max_trials", "optim.budget")


def is_launched_at_once(config: DictConfig) -> bool:
    """Return whether the sweeper launches all members together: Hydra's own does, unless it has a batch size."""
    return _is_basic(config) and not config.hydra.sweeper.get("max_batch_size")


def list_all_batches(config: DictConfig, loader: Any) -> list[list[str]] | None:
    """Return the overrides of the members of all batches, if the sweeper is Hydra's own and works in batches.

    Args:
        config: The composed config of the sweep.
        loader: Hydra's config loader, which knows what glob(*) stands for.

    Returns:
        None if this launch has all members, or if another sweeper decides on them later.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    if not _is_basic(config) or is_launched_at_once(config):
        return None
    members: list[list[str]] = BasicSweeper.split_arguments(_parse_search_space(config, loader), None)[0]
    return members


def count_trials(config: DictConfig, loader: Any) -> int | None:
    """Return the number of members of all batches.

    Args:
        config: The composed config of the sweep.
        loader: Hydra's config loader.

    Returns:
        None if the sweeper has no such setting, as Hydra's own.
    """
    sweeper = config.hydra.sweeper
    for key in _KEYS:
        value = OmegaConf.select(sweeper, key, throw_on_missing=False)
        if isinstance(value, int) and value > 0:
            return int(min(value, _count_grid(config, loader)))
    return None


def _is_basic(config: DictConfig) -> bool:
    return str(config.hydra.sweeper.get("_target_")).endswith(".BasicSweeper")


def _count_grid(config: DictConfig, loader: Any) -> float:
    """Return how many points Optuna's grid sampler has, which ends it earlier. Infinity for other samplers."""
    sampler = OmegaConf.select(config.hydra.sweeper, "sampler._target_", throw_on_missing=False)
    if not str(sampler).endswith(".GridSampler"):
        return math.inf
    swept = [override for override in _parse_search_space(config, loader) if override.is_sweep_override()]
    if any(override.is_interval_sweep() for override in swept):
        return math.inf
    return math.prod(len(list(override.sweep_iterator())) for override in swept)


def _parse_search_space(config: DictConfig, loader: Any) -> list[Override]:
    """Parse the sweeper's `params` and the command line, which both say what is swept, as sweepers do."""
    overrides: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    given = [*(f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()), *overrides]
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(given)
    return list({override.get_key_element(): override for override in parsed}.values())  # the last of each key
