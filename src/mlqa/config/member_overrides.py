"""From the command line of a multirun to the overrides of each member, as Hydra's sweeper will split it."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.errors import HydraException

from mlqa.config.compose import compose_all, initialize_hydra
from mlqa.config.hydra_errors import explain_empty_sweep, is_empty_sweep
from mlqa.config.overrides import parse_overrides
from mlqa.errors import ConfigError, summarize_error

# Parts of the _target_ of the sweepers whose members are the cells of the swept keys.
GRID_SWEEPERS = ("basic_sweeper", "racing_sweeper")


def list_member_overrides(overrides: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each member that `python train.py -m <overrides>` would run, in order.

    Raises:
        ConfigError: An override is not valid, or the part that all members share cannot be composed.
    """
    with initialize_hydra():
        return split_members(list(overrides), multirun=True)


def split_members(overrides: list[str], multirun: bool) -> list[list[str]]:
    """Return the overrides of each member, as Hydra's basic sweeper will make them.

    A race makes the same members and repeats them with other seeds. Under another sweeper only the overrides that all
    members share are known, and they are returned as one member.
    Hydra must be initialized.

    Raises:
        ConfigError: An override is not valid, or the part that all members share cannot be composed.
    """
    if not multirun:
        return [overrides]
    parsed = parse_overrides(overrides)
    fixed = [override for override in parsed if not override.is_sweep_override()]
    base = compose_all([[str(override.input_line) for override in fixed]])[0]
    if not any(sweeper in base.hydra.sweeper._target_ for sweeper in GRID_SWEEPERS):
        return [[str(override.input_line) for override in fixed]]
    sweeper_params = [f"{key}={value}" for key, value in (base.hydra.sweeper.get("params") or {}).items()]
    of_hydra = [override for override in fixed if override.is_hydra_override()]  # the sweeper never sees them
    of_task = [override for override in parsed if override not in of_hydra]
    asked = parse_overrides(sweeper_params) + of_task
    try:
        members = BasicSweeper.split_arguments(asked, None)[0]
    except (HydraException, ValueError) as error:  # interval(), which other sweepers draw from, or a step of 0
        raise ConfigError(
            f"{summarize_error(error)}; give values, or choose a hydra/sweeper that draws them"
        ) from error
    if not members:
        raise ConfigError([explain_empty_sweep(override) for override in asked if is_empty_sweep(override)])
    return [[*(str(override.input_line) for override in of_hydra), *member] for member in members]
