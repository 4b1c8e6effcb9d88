"""Compose each member of a sweep once, although the checks before the start, the sweeper and the launcher all ask.

Hydra composes a member anew for each of them, and reads every file each time: three times 0.16 s for each member.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any, ClassVar

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.default_element import ResultDefault
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobRuntime
from hydra.experimental.callback import Callback
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig


class SweepLoader(ConfigLoaderImpl):
    """Hydra's own config loader with a memory.

    It keeps configs as bytes of pickle, made and read in this process only: that copies a config in a fifth of the time
    of `copy.deepcopy`. Whoever asks so gets a config of their own.
    """

    _latest: ClassVar[SweepLoader | None] = None

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        """Start with an empty memory."""
        super().__init__(config_search_path)
        self.repository = _Files(config_search_path)
        self._members: dict[Any, bytes] = {}
        self._merged: dict[str, bytes] = {}

    @classmethod
    def install(cls) -> None:
        """Let the initialized Hydra compose by such a loader, and keep it for `ReuseCompositions`."""
        hydra = _get_hydra()
        cls._latest = hydra.config_loader = cls(hydra.config_loader.get_search_path())

    @classmethod
    def reuse(cls) -> None:
        """Let the initialized Hydra go on with the loader that was installed last, if it searches the same places."""
        hydra, latest = _get_hydra(), cls._latest
        if latest is not None and _list_places(latest) == _list_places(hydra.config_loader):
            hydra.config_loader = latest

    def load_configuration(
        self, config_name: str | None, overrides: list[str], run_mode: RunMode, *args: Any, **kwargs: Any
    ) -> DictConfig:
        """Compose a config, or copy the one that was composed of the same overrides."""
        if run_mode is not RunMode.RUN:  # the sweep itself, of which nobody asks twice
            return super().load_configuration(config_name, overrides, run_mode, *args, **kwargs)
        # Only the order among Hydra's own overrides counts, and that among the others: they set different keys.
        of_hydra = [line for line in overrides if line.lstrip("+~").startswith(("hydra.", "hydra/"))]
        of_task = [line for line in overrides if line not in of_hydra]
        key = (config_name, JobRuntime.instance().get("name"), tuple(of_hydra), tuple(of_task))
        if key not in self._members:
            composed = super().load_configuration(config_name, overrides, run_mode, *args, **kwargs)
            self._members[key] = pickle.dumps(composed)
        member: DictConfig = pickle.loads(self._members[key])
        return member

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """Merge the files of a defaults list, or copy what was merged of the same files: values come later."""
        key = repr((defaults, repo.get_sources()))
        if key not in self._merged:  # merging changes what was read
            merged = super()._compose_config_from_defaults_list(defaults, copy.deepcopy(repo))
            self._merged[key] = pickle.dumps(merged)
        config: DictConfig = pickle.loads(self._merged[key])
        return config


class _Files(ConfigRepository):
    """Hydra's own repository, which reads each file once."""

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        super().initialize_sources(config_search_path)
        self._read: dict[str, ConfigResult | None] = {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        if config_path not in self._read:
            self._read[config_path] = super().load_config(config_path)
        return self._read[config_path]

    def __deepcopy__(self, memo: dict[int, Any]) -> _Files:
        """Share what was read. Hydra copies a repository to search other places with the copy."""
        return copy.copy(self)


class ReuseCompositions(Callback):
    """Hydra callback of conf/config.yaml: the sweep goes on with what the checks before its start have composed."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Replace the loader before the sweeper gets it."""
        SweepLoader.reuse()


def _get_hydra() -> Any:
    return GlobalHydra.instance().hydra


def _list_places(loader: Any) -> list[tuple[str, str]]:
    return [(place.provider, place.path) for place in loader.get_search_path().get_path()]
