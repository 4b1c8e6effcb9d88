"""What every test may ask for."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clean_environment import clean_environment
from hypothesis import settings

# Each of them starts a service or a browser, makes a virtual environment, or reads real data.
SLOW_FIXTURES = {"assets", "service", "rehearsal", "simulated", "pairs", "storage", "driver", "server"}
SLOW_FIXTURES |= {"index", "mlqa_wheel", "launcher_wheel", "bare", "alone"}
# Each takes most of a minute. They come first, so that the test processes end at the same time.
LONGEST = ("tracking/test_wandb.py", "launchers/commands/test_sweep_commands.py", "test_sagemaker.py")
LONGEST += ("launchers/test_as_completed.py", "launchers/test_faults.py", "test_experiment.py", "test_resume.py")
HOME = Path(tempfile.mkdtemp(prefix="mlqa-tests-"))
clean_environment(os.environ, HOME)
time.tzset()
gc.disable()  # until all tests are collected: importing libraries leaves nothing to collect, and took a fifth longer
sys.dont_write_bytecode = False  # else each of hundreds of processes compiles mlqa, the launcher and the tests anew
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, which every app would inherit
    signal.signal(signal.SIGINT, signal.default_int_handler)
# One thread a process, set before torch is imported: the models here are tiny, and threads that wait for each other
# on a busy machine cost far more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Time limits per case would make tests fail on a busy machine, not on a wrong result. Everybody tries the same
# examples, so that a change fails by its own fault. `make test-fast` tries a quarter of the usual number, and
# `pytest --hypothesis-profile=search` draws others.
settings.register_profile("mlqa", deadline=None, derandomize=True)
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("search", deadline=None)
settings.load_profile("mlqa")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run one process more than there are cores: each waits a quarter of the time, for jobs, services and a browser.

    The quick tests wait for nothing, and each process needs seconds to find them.
    """
    from mlqa.threads import count_cores

    if config.option.numprocesses != "auto":
        return None
    return count_cores().usable + (config.option.markexpr != "not slow")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a fixture makes slow, and put the longest files first, then the others with slow tests."""
    for item in items:
        if not SLOW_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())) or item.get_closest_marker("exhaustive"):
            item.add_marker("slow")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    longest = {Path(__file__).parent / name for name in LONGEST}
    items.sort(key=lambda item: (item.path not in longest, item.path not in slow))


def pytest_collection_finish() -> None:
    """Keep the garbage collector from the libraries, and let it look less often: it took a tenth of the quick tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call() -> None:
    """Take pytest's name of the test from the environment: mlqa composes anew in another one, so in every test."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)


def pytest_unconfigure() -> None:
    """Remove the home directory of the tests with the caches that they left there."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def _leave_no_process_of_wandb() -> Iterator[None]:
    """Name W&B's process of these tests to no app of later ones: it may have gone by then."""
    yield
    os.environ.pop("WANDB_SERVICE", None)


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real data and tokenizers: $MLQA_ASSETS, or `shared` beside the checkout; else a skip."""
    chosen = os.environ.get("MLQA_ASSETS")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data" / "tquad").is_dir():
        source = f"MLQA_ASSETS={chosen}" if chosen else f"MLQA_ASSETS is not set and {folder}"
        pytest.skip(f"{source} holds no data/tquad: set MLQA_ASSETS to a folder with data/ and tokenizers/")
    return folder
