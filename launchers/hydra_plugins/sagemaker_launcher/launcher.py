"""The plugin classes that Hydra finds.

Hydra executes this module at each start of every app, so everything else is imported only when it is needed.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Optional

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.utils import JobReturn
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.launcher import Launcher
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class SageMakerLauncher(Launcher):
    """Run each member of a multirun in this process or as a training job, as its `hardware` node says."""

    def __init__(self, **options: object) -> None:
        from hydra_sagemaker_launcher.as_completed import StreamedSweep
        from hydra_sagemaker_launcher.errors import exit_on_error
        from hydra_sagemaker_launcher.options import parse_options

        self._exit_on_error = exit_on_error
        with self._exit_on_error():
            self.sweep = StreamedSweep(parse_options(options))

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take over what Hydra knows of the app."""
        with self._exit_on_error():
            self.sweep.setup(hydra_context, task_function, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run one batch of members.

        Args:
            job_overrides: The overrides of each member.
            initial_job_idx: The number of the first member.

        Returns:
            One JobReturn per member, in the same order.
        """
        with self._exit_on_error():
            return self.sweep.launch(job_overrides, initial_job_idx)

    def launch_as_completed(
        self, job_overrides: Iterable[Optional[Sequence[str]]], initial_job_idx: int = 0
    ) -> Iterator[tuple[int, JobReturn]]:
        """Run members as slots become free, for sweepers that ask and tell. The README has the protocol.

        Args:
            job_overrides: Gives the overrides of the next member each time there is a free slot, or None if there is
                none before the next result.
            initial_job_idx: The number of the first member.

        Yields:
            The number of a member that has ended, and its JobReturn.
        """
        with self._exit_on_error():
            yield from self.sweep.launch_as_completed(job_overrides, initial_job_idx)


class SageMakerConfigSource(ConfigSource):
    """Provide `hydra/launcher=sagemaker` and the schema of its options, `sagemaker_schema`.

    The ConfigStore would do, but Hydra copies it once per config group for `--help` and completion. The copies of this
    schema would make `--help` of every app 20 % slower.
    """

    GROUP = "hydra/launcher"
    OPTIONS = ("sagemaker", "sagemaker_schema")

    @staticmethod
    def scheme() -> str:
        """Return the scheme of this source in Hydra's search path."""
        return "sagemaker-launcher"

    def load_config(self, config_path: str) -> ConfigResult:
        """Return the options with their types and defaults."""
        from hydra_sagemaker_launcher.config import SageMakerLauncherConf

        node = OmegaConf.structured(SageMakerLauncherConf)
        # Values keep their types. Unknown names are left to the launcher, because OmegaConf would report each as a key
        # of a Python class and without a suggestion.
        for part in (node, node.rehearsal):
            OmegaConf.set_struct(part, False)
        return ConfigResult(self.provider, self.full_path(), node, header={"package": None})

    def available(self) -> bool:
        """Return true: the source is part of the plugin."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Return whether the path is `hydra/launcher` or a folder above it."""
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


class SageMakerSearchPath(SearchPathPlugin):
    """Append the config source as the last place that Hydra searches.

    An app can so have a file `hydra/launcher/sagemaker.yaml` of its own, which begins with
    `defaults: [sagemaker_schema]`.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the source."""
        search_path.append("hydra-sagemaker-launcher", f"{SageMakerConfigSource.scheme()}://")
