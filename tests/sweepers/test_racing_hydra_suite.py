"""Hydra's own suites: with one replicate of everything the sweeper does what the basic one does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra.version
import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.test_utils import launcher_common_tests as suites

pytestmark = pytest.mark.slow  # they start apps
SWEEPERS = Path(__file__).resolve().parents[2] / "sweepers"
PLAIN = [
    "hydra/sweeper=racing",
    "hydra.sweeper.replicate_key=null",
    "hydra.sweeper.min_replicates=1",
    "hydra.sweeper.max_replicates=1",
]
# One test runs twice in one directory. A race would find itself there, ended.
ANEW = """
import runpy, shutil, sys
from pathlib import Path

for earlier in list(Path.cwd().rglob("race.json")):
    shutil.rmtree(earlier.parent)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites start apps as processes of their own, and take it that none in this one has chosen a version_base."""
    monkeypatch.setenv("PYTHONPATH", str(SWEEPERS))
    monkeypatch.setattr(hydra.version.VersionBase.instance(), "version_base", hydra.version._UNSPECIFIED_)


def test_hydra_finds_the_sweeper() -> None:
    assert [plugin.__name__ for plugin in Plugins.instance().discover(Sweeper)].count("RacingSweeper") == 1


@pytest.fixture
def launcher_name() -> str:
    return "basic"


@pytest.fixture
def task_launcher_cfg() -> dict[str, Any]:
    return {}


class TestLauncher(suites.LauncherTestSuite):
    """Nine sweeps in this process."""

    @pytest.fixture
    def overrides(self) -> list[str]:  # a new list each time: the suites extend it
        return list(PLAIN)


@pytest.mark.exhaustive
class TestIntegration(suites.IntegrationTestSuite):
    """Eleven apps from the command line."""

    @pytest.fixture
    def extra_flags(self) -> list[str]:
        return ["-m", *PLAIN]

    def generate_custom_cmd(self) -> Callable[..., list[str]]:
        return lambda given, filename: [sys.executable, "-c", ANEW, given[1]]
