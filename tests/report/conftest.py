"""What the report's tests share: the whole sweep of `made`, written once."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made import write_whole

from mlqa.report.build import write_report


@pytest.fixture(scope="session")
def written_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep with its report; not to be changed."""
    sweep = write_whole(tmp_path_factory.mktemp("sweeps") / "whole")
    write_report([sweep], reference="blog")
    return sweep


@pytest.fixture
def whole_sweep(written_sweep: Path, tmp_path: Path) -> Path:
    """A copy of it, without the report, to be changed."""
    return Path(shutil.copytree(written_sweep, tmp_path / "whole", ignore=shutil.ignore_patterns("report")))
