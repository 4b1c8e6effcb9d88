"""Compose each config once in a process, although several ask for it.

The checks of the command line, Hydra's main, the sweeper and the launcher all compose, and Hydra reads every file each
time: 0.14 s for each of them.
"""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from hydra._internal import hydra as hydra_internals
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.default_element import ResultDefault
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobRuntime
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mlqa.config.mixing import fill_in_mix

Made = TypeVar("Made")


@dataclass
class _Memory:
    """What was read, merged and composed in this process, until a file or anything else it depends on is another.

    All is kept as bytes of pickle, made and read in this process only: that copies a config in a fifth of the time of
    `copy.deepcopy`. Whoever asks so gets a config of their own, and may change it.
    """

    files: dict[Any, bytes] = field(default_factory=dict)
    merged: dict[Any, bytes] = field(default_factory=dict)
    composed: dict[Any, bytes] = field(default_factory=dict)
    stamps: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    surroundings: Any = None

    def forget_if_outdated(self) -> None:
        surroundings = (dict(os.environ), list(_list_stored(ConfigStore.instance().repo)))
        is_outdated = any(_read_stamp(path) != stamp for path, stamp in self.stamps.items())
        if is_outdated or surroundings != self.surroundings:
            for remembered in (self.files, self.merged, self.composed, self.stamps):
                remembered.clear()
            self.surroundings = surroundings


_MEMORY = _Memory()


class RememberingLoader(ConfigLoaderImpl):
    """Hydra's own config loader with the memory of this process."""

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        """Forget everything if a file that was read has changed since."""
        super().__init__(config_search_path)
        _MEMORY.forget_if_outdated()
        self.repository = _Files(config_search_path)

    def load_configuration(
        self, config_name: str | None, overrides: list[str], run_mode: RunMode, *args: Any, **kwargs: Any
    ) -> DictConfig:
        """Compose a config, or copy the one that was composed of the same overrides."""
        if run_mode is not RunMode.RUN:  # the sweep itself, which is composed only once
            return super().load_configuration(config_name, overrides, run_mode, *args, **kwargs)
        # Only the order among Hydra's own overrides counts, and that among the others: they set different keys.
        of_hydra = [line for line in overrides if line.lstrip("+~").startswith(("hydra.", "hydra/"))]
        of_task = [line for line in overrides if line not in of_hydra]
        places = _describe_places(self.config_search_path)
        key = (places, os.getcwd(), config_name, JobRuntime.instance().get("name"), tuple(of_hydra), tuple(of_task))
        load = super().load_configuration

        def compose() -> DictConfig:
            config = load(config_name, overrides, run_mode, *args, **kwargs)
            fill_in_mix(
                config, self.get_group_options("dataset"), partial(self._compose_dataset, config_name, of_hydra)
            )
            return config

        return _renew_time(_get_or_make(_MEMORY.composed, key, compose))

    def _compose_dataset(self, config_name: str | None, of_hydra: list[str], option: str) -> DictConfig:
        """Return the node `dataset` as an option of the group gives it, from the same places."""
        places = [line for line in of_hydra if line.startswith("hydra.searchpath=")]
        node: DictConfig = self.load_configuration(config_name, [*places, f"dataset={option}"], RunMode.RUN).dataset
        return node

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """Merge the files of a defaults list, or copy what was merged of the same files: values come later."""
        merge = super()._compose_config_from_defaults_list
        key = repr((defaults, repo.get_sources()))
        return _renew_time(_get_or_make(_MEMORY.merged, key, lambda: merge(defaults, repo)))


class _Files(ConfigRepository):
    """Hydra's own repository, which reads each file once."""

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        super().initialize_sources(config_search_path)
        self._places = _describe_places(config_search_path)

    def load_config(self, config_path: str) -> ConfigResult | None:
        key = (self._places, config_path)
        if key not in _MEMORY.files:
            for source in self.sources:
                if source.scheme() == "file":
                    path = os.path.join(source.path, f"{config_path}.yaml")
                    _MEMORY.stamps[path] = _read_stamp(path)
        # Merging changes what was read.
        return _get_or_make(_MEMORY.files, key, partial(super().load_config, config_path))

    def __deepcopy__(self, memo: dict[int, Any]) -> _Files:
        """Share what was read. Hydra copies a repository to search other places with the copy."""
        return copy.copy(self)


def install_loader() -> None:
    """Let the initialized Hydra compose by such a loader."""
    hydra: Any = GlobalHydra.instance().hydra
    hydra.config_loader = RememberingLoader(hydra.config_loader.get_search_path())


def install_loader_for_main() -> None:
    """Let every Hydra of this process compose by such a loader. Hydra's main has no place to ask for it."""
    hydra_internals.ConfigLoaderImpl = RememberingLoader  # type: ignore[attr-defined]


def _get_or_make(memory: dict[Any, bytes], key: Any, make: Callable[[], Made]) -> Made:
    """Return a copy of what is remembered, or make and remember it first. What cannot be remembered is returned."""
    if key not in memory:
        made = make()
        try:
            memory[key] = pickle.dumps(made)
        except (pickle.PicklingError, AttributeError, TypeError):  # it holds a class or value of a plugin's own
            return made
    copied: Made = pickle.loads(memory[key])
    return copied


def _renew_time(config: DictConfig) -> DictConfig:
    """Give a config one moment of its own. Merging has looked at the clock, and Hydra keeps what it saw for a sweep."""
    moment, seen = datetime.now(), OmegaConf.get_cache(config)["now"]
    seen.update({arguments: moment.strftime(*arguments) for arguments in seen})
    return config


def _describe_places(search_path: ConfigSearchPath) -> str:
    return repr([(place.provider, place.path) for place in search_path.get_path()])


def _list_stored(folder: dict[str, Any], path: str = "") -> Iterator[tuple[Any, ...]]:
    """Yield the place of each config that code has registered, and what it is. The same may be registered again."""
    for name, entry in folder.items():
        if isinstance(entry, dict):
            yield from _list_stored(entry, f"{path}{name}/")
        else:
            yield f"{path}{name}", entry.package, entry.provider, OmegaConf.get_type(entry.node), repr(entry.node)


def _read_stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
