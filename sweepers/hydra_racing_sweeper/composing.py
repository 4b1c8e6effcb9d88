"""Compose each treatment before anything starts, so that a mistake in the last one does not cost the others' runs."""

from __future__ import annotations

from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.race import Treatment
from hydra_racing_sweeper.treatments import Grid


def complete_treatments(grid: Grid, options: RacingSweeperConf, config: DictConfig, context: HydraContext) -> None:
    """Compose the first member of each treatment, and fill in what shortens it in the first stage.

    Args:
        grid: The treatments.
        options: The options of the sweeper.
        config: The config of the sweep.
        context: Hydra's context.

    Raises:
        HydraException: A treatment cannot be composed.
        RaceError: The app has no such replicate key, or no length of training under `rung_key`.
    """
    if options.replicate_key is not None and grid.replicate_key == options.replicate_key:
        _check_replicate_key(_compose(grid.treatments[0].overrides, config, context), options)
    for treatment in grid.treatments:
        overrides = list(treatment.overrides)
        if grid.replicate_key is not None:
            overrides.append(f"{grid.replicate_key}={grid.replicates[0]}")
        composed = _compose(overrides, config, context)
        if options.rung_key is not None:
            treatment.rung_override = _build_rung_override(treatment, composed, options)


def _compose(overrides: list[str], config: DictConfig, context: HydraContext) -> DictConfig:
    return context.config_loader.load_sweep_config(master_config=config, sweep_overrides=overrides)


def _check_replicate_key(composed: DictConfig, options: RacingSweeperConf) -> None:
    assert options.replicate_key is not None
    parent, _, name = options.replicate_key.rpartition(".")
    node = OmegaConf.select(composed, parent) if parent else composed
    if not (isinstance(node, DictConfig) and name in node) and not OmegaConf.is_missing(node, name):
        raise RaceError(
            f"hydra.sweeper.replicate_key={options.replicate_key}: the config has no such key; name the key that "
            f"differs from run to run, add it by +{options.replicate_key}=1, or set it to null if the app "
            "varies by itself"
        )


def _build_rung_override(treatment: Treatment, composed: DictConfig, options: RacingSweeperConf) -> str:
    assert options.rung_key is not None
    length: Any = OmegaConf.select(composed, options.rung_key)
    if not isinstance(length, (int, float)) or isinstance(length, bool) or length <= 0:
        raise RaceError(
            f"hydra.sweeper.rung_key={options.rung_key}: is {length} for {treatment.name}; name a key whose value is "
            "the length of a training, a number above 0"
        )
    short = length * options.rung_share
    value = max(1, round(short)) if isinstance(length, int) else float(f"{short:.4g}")
    return f"{options.rung_key}={value}"
