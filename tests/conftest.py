"""What every test may ask for."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from clean_environment import clean_environment
from hypothesis import settings

HOME = Path(tempfile.mkdtemp(prefix="mlqa-tests-"))
clean_environment(os.environ, HOME)
time.tzset()
# One thread a process, set before torch is imported: the models here are tiny, and threads that wait for each other
# on a busy machine cost far more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Time limits per case would make tests fail on a busy machine, not on a wrong result.
settings.register_profile("mlqa", deadline=None)
settings.load_profile("mlqa")


def pytest_unconfigure() -> None:
    """Remove the home directory of the tests with the caches that they left there."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real data and tokenizers: $MLQA_ASSETS, or `shared` beside the checkout; else a skip."""
    chosen = os.environ.get("MLQA_ASSETS")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data" / "tquad").is_dir():
        source = f"MLQA_ASSETS={chosen}" if chosen else f"MLQA_ASSETS is not set and {folder}"
        pytest.skip(f"{source} holds no data/tquad: set MLQA_ASSETS to a folder with data/ and tokenizers/")
    return folder
