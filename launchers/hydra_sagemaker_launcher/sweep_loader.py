"""Compose each member of a sweep once: Hydra's sweepers compose all members to check them, before they launch any."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

log = logging.getLogger("sagemaker_launcher")

_PAUSE = 5.0  # seconds between two lines about the progress


class SweepLoader:
    """Hydra's config loader, which hands out what it has composed for the sweeper once more, to the launcher."""

    def __init__(self, loader: Any, sweep_config: DictConfig) -> None:
        """Wrap Hydra's loader for the members of one sweep.

        Args:
            loader: Hydra's own ConfigLoader, which does everything else.
            sweep_config: The composed config of the sweep.
        """
        self._loader = loader
        self._sweep_config = sweep_config
        self._kept: dict[tuple[str, ...], bytes] = {}
        self._composed, self._said = 0, time.monotonic()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: Sequence[str]) -> DictConfig:
        """Compose a member. Two callers get it for the price of one, each a config of its own.

        Args:
            master_config: The composed config of the sweep.
            sweep_overrides: The overrides of the member.
        """
        key = tuple(sweep_overrides)
        is_own = master_config is self._sweep_config
        if is_own and key in self._kept:
            kept: DictConfig = pickle.loads(self._kept.pop(key))  # made by this process, below
            return kept
        config: DictConfig = self._loader.load_sweep_config(master_config, list(sweep_overrides))
        self._composed += 1
        if time.monotonic() - self._said > _PAUSE:
            log.info("composed %d configs", self._composed)
            self._said = time.monotonic()
        if is_own:
            try:
                self._kept[key] = pickle.dumps(config)
            except Exception:  # a config may hold an object of the app's, of any kind
                pass
        return config
