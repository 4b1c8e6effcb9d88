"""The plugin that Hydra finds. Hydra executes this module in every app, so all else is in hydra_sagemaker_launcher."""

from collections.abc import Sequence

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hydra_sagemaker_launcher.config import SageMakerLauncherConf


class SageMakerLauncher(Launcher):
    """Runs each member of a multirun where its `hardware` node says: in this process, or as a training job."""

    def __init__(self, **options: object) -> None:
        from hydra_sagemaker_launcher.sweep import Sweep

        self.sweep = Sweep(OmegaConf.to_object(OmegaConf.merge(SageMakerLauncherConf, options)))

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.sweep.setup(hydra_context, task_function, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        return self.sweep.launch(job_overrides, initial_job_idx)


class SageMakerSearchPath(SearchPathPlugin):
    """Makes `hydra/launcher=sagemaker` known, last of all places: an app may have a file of that name with its own
    settings, which begins with `defaults: [sagemaker_schema]`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("hydra-sagemaker-launcher", "pkg://hydra_sagemaker_launcher.conf")


ConfigStore.instance().store(
    group="hydra/launcher", name="sagemaker_schema", node=SageMakerLauncherConf, provider="hydra-sagemaker-launcher"
)
