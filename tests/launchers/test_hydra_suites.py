"""Hydra's own suites for launchers: members of this machine in process, and the same apps as training jobs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hydra.version
import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.test_utils import launcher_common_tests as suites
from launcher_app import FAST, Service, python

pytestmark = pytest.mark.slow

LAUNCHERS = Path(__file__).resolve().parents[2] / "launchers"
# The app of the suite writes what it saw into a file outside of its run directory, which no job can: here it writes
# into its run directory, and what it says of the container's folders is told as ours.
AS_JOBS = """
import runpy, shutil, sys
from pathlib import Path

jobs, script, project = Path(sys.argv[1]), Path(sys.argv[2]), Path.cwd()
outside = project / "output.txt"
source = script.read_text("utf-8")
assert f'open("{outside}"' in source
script.write_text(source.replace(f'open("{outside}"', 'open(HydraConfig.get().runtime.output_dir + "/output.txt"'))
for earlier in list(project.rglob("members.jsonl")):  # one test runs twice, and a sweep's directory is never used again
    shutil.rmtree(earlier.parent)
    shutil.rmtree(jobs)
sys.argv = [str(script), *sys.argv[3:]]
runpy.run_path(str(script), run_name="__main__")
[result] = [path for path in project.rglob("output.txt") if path != outside]
[code] = jobs.glob(f"*/algo-1/code/{script.name}")
base = code.parents[1]
told = result.read_text("utf-8")
for inside, here in ((base / "output" / "data", result.parent), (base / "code", project)):
    told = told.replace(str(inside), str(here))
outside.write_text(told, "utf-8")
"""


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites start apps as processes of their own, and take it that none in this one has chosen a version_base."""
    monkeypatch.setenv("PYTHONPATH", str(LAUNCHERS))
    monkeypatch.setattr(hydra.version.VersionBase.instance(), "version_base", hydra.version._UNSPECIFIED_)


def test_hydra_finds_the_launcher() -> None:
    names = [plugin.__name__ for plugin in Plugins.instance().discover(Launcher)]
    assert names.count("SageMakerLauncher") == 1


@pytest.fixture
def launcher_name() -> str:
    return "sagemaker"


@pytest.fixture
def task_launcher_cfg() -> dict[str, Any]:
    return {}


class TestLauncher(suites.LauncherTestSuite):
    """Nine sweeps whose members have no hardware: in process."""

    @pytest.fixture
    def overrides(self) -> list[str]:  # a new list each time: the suites extend it
        return []


class TestBatchedSweeper(suites.BatchedSweeperTestSuite):
    """A sweeper that launches several times."""

    @pytest.fixture
    def overrides(self) -> list[str]:
        return ["hydra.sweeper.max_batch_size=2"]


@pytest.mark.exhaustive
class TestIntegration(suites.IntegrationTestSuite):
    """Eleven apps from the command line, their members in process."""

    @pytest.fixture
    def extra_flags(self) -> list[str]:
        return ["-m", "hydra/launcher=sagemaker"]


@pytest.mark.exhaustive
class TestIntegrationAsJobs(suites.IntegrationTestSuite):
    """The same eleven, their members as training jobs of one rehearsal service."""

    @pytest.fixture(scope="class")
    def service(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
        with Service(tmp_path_factory.mktemp("service")) as service:
            yield service

    @pytest.fixture(autouse=True)
    def _jobs(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        shutil.rmtree(service.state / "jobs", ignore_errors=True)  # of the test before
        self._folder = service.state / "jobs"

    @pytest.fixture
    def task_launcher_cfg(self) -> dict[str, Any]:
        return {"hardware": {"instance_type": "ml.m5.large"}}

    @pytest.fixture
    def extra_flags(self) -> list[str]:
        return ["-m", "hydra/launcher=sagemaker", *FAST]

    def generate_custom_cmd(self) -> Callable[..., list[str]]:
        def command(given: list[str], filename: str) -> list[str]:
            _, script = given
            return [*python(), "-c", AS_JOBS, str(self._folder), script]

        return command
