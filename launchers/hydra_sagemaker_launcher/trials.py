"""How many members a sweep will have in all, if its sweeper launches them in batches and says so."""

from __future__ import annotations

from typing import Any

from omegaconf import OmegaConf

# Where sweepers keep the number: Optuna's, Ax's, Nevergrad's.
_KEYS = ("n_trials", "ax_config.max_trials", "optim.budget")


def count_trials(sweeper: Any) -> int | None:
    """Return the number of members of all batches.

    Args:
        sweeper: The config node `hydra.sweeper`.

    Returns:
        None if the sweeper has no such setting, as Hydra's own, which launches all members at once.
    """
    for key in _KEYS:
        value = OmegaConf.select(sweeper, key, throw_on_missing=False)
        if isinstance(value, int) and value > 0:
            return value
    return None
