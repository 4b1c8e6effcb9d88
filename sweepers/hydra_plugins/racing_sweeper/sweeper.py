"""The plugin classes that Hydra finds.

Hydra executes this module at each start of every app, so everything else is imported only when it is needed.
"""

from typing import Any, Optional

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class RacingSweeper(Sweeper):
    """Repeat what is compared, and stop repeating what has lost."""

    def __init__(self, **options: object) -> None:
        from hydra_racing_sweeper.errors import exit_on_error
        from hydra_racing_sweeper.options import parse_options
        from hydra_racing_sweeper.sweep import Sweep

        self._exit_on_error = exit_on_error
        with self._exit_on_error():
            self.race = Sweep(parse_options(options))

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take over what Hydra knows of the app, and make the launcher."""
        from hydra.core.plugins import Plugins

        from hydra_racing_sweeper.member_record import RecordedTask

        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=RecordedTask(task_function), config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run the race.

        Args:
            arguments: The overrides of the command line, without Hydra's own.

        Returns:
            The JobReturns of each batch of members.
        """
        assert self.launcher is not None and self.config is not None and self.hydra_context is not None
        with self._exit_on_error():
            return self.race.run(arguments, self.launcher, self.config, self.hydra_context)


class RacingConfigSource(ConfigSource):
    """Provide `hydra/sweeper=racing` and the schema of its options, `racing_schema`.

    The ConfigStore would do, but Hydra copies it once per config group for `--help` and completion of every app.
    """

    GROUP = "hydra/sweeper"
    OPTIONS = ("racing", "racing_schema")

    @staticmethod
    def scheme() -> str:
        """Return the scheme of this source in Hydra's search path."""
        return "racing-sweeper"

    def load_config(self, config_path: str) -> ConfigResult:
        """Return the options with their types and defaults."""
        from hydra_racing_sweeper.config import RacingSweeperConf

        node = OmegaConf.structured(RacingSweeperConf)
        # Values keep their types. Unknown names are left to the sweeper, which suggests the one that was meant.
        for part in (node, node["items"]):
            OmegaConf.set_struct(part, False)
        return ConfigResult(self.provider, self.full_path(), node, header={"package": None})

    def available(self) -> bool:
        """Return true: the source is part of the plugin."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Return whether the path is `hydra/sweeper` or a folder above it."""
        return f"{self.GROUP}/".startswith(f"{config_path.strip('/')}/".lstrip("/"))

    def is_config(self, config_path: str) -> bool:
        """Return whether the path is one of the two options."""
        return config_path.strip("/").removesuffix(".yaml") in {f"{self.GROUP}/{option}" for option in self.OPTIONS}

    def list(self, config_path: str, results_filter: Optional[ObjectType]) -> list[str]:
        """Return what a folder holds: groups, configs or both."""
        folder = config_path.strip("/")
        found = []
        if folder == self.GROUP:
            found = list(self.OPTIONS) if results_filter is not ObjectType.GROUP else []
        elif self.is_group(folder) and results_filter is not ObjectType.CONFIG:
            found = [self.GROUP.removeprefix(folder).strip("/").partition("/")[0]]
        return found


class RacingSearchPath(SearchPathPlugin):
    """Append the config source as the last place that Hydra searches.

    An app can so have a file `hydra/sweeper/racing.yaml` of its own, which begins with `defaults: [racing_schema]`.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the source."""
        search_path.append("hydra-racing-sweeper", f"{RacingConfigSource.scheme()}://")
