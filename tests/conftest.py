"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# One thread a process, set before torch is imported: the models here are tiny, and threads that wait for each other
# on a busy machine cost far more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test goes to the hub; without this, huggingface_hub retries each file for half a minute where there is no network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Time limits per case would make tests fail on a busy machine, not on a wrong result.
settings.register_profile("mlqa", deadline=None)
settings.load_profile("mlqa")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is left in, or taken from, the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLQA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real data and tokenizers: $MLQA_ASSETS, or `shared` beside the checkout; else a skip."""
    chosen = os.environ.get("MLQA_ASSETS")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data" / "tquad").is_dir():
        source = f"MLQA_ASSETS={chosen}" if chosen else f"MLQA_ASSETS is not set and {folder}"
        pytest.skip(f"{source} holds no data/tquad: set MLQA_ASSETS to a folder with data/ and tokenizers/")
    return folder
