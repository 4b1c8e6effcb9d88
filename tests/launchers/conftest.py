"""The launcher as it is found in a bare clone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "launchers"))
if (toolkit := TOP / ".venv-toolkit" / "bin" / "python").exists():  # `make toolkit`
    os.environ.setdefault("SAGEMAKER_TOOLKIT_PYTHON", str(toolkit))

os.environ["HYDRA_SAGEMAKER_CATALOG"] = os.devnull  # not the catalog of whoever runs the tests

import typed_requests  # noqa: E402  it imports the launcher
from launcher_app import Service  # noqa: E402

typed_requests.watch()  # every request that the suite builds is one that sagemaker-core's typed shapes take


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A rehearsal service for a file of tests."""
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service
