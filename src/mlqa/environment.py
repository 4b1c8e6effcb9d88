"""What this process runs in: a laptop, one rank of several, or a SageMaker container. Imports nothing heavy."""

from __future__ import annotations

import functools
import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger(__name__)

HUB_SECONDS = 5


def get_rank() -> int:
    """Return the global rank of this process, which is 0 if there is only one."""
    return int(os.environ.get("RANK", "0"))


def get_local_rank() -> int:
    """Return the rank of this process on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def get_world_size() -> int:
    """Return the number of processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def get_local_world_size() -> int:
    """Return the number of processes that train together on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def is_main() -> bool:
    """Return whether this process is rank 0, which writes and reports."""
    return get_rank() == 0


def is_in_container() -> bool:
    """Return whether this process runs in a SageMaker training job."""
    return "TRAINING_JOB_NAME" in os.environ and "SM_CURRENT_HOST" in os.environ


def get_model_dir(run_dir: Path) -> Path:
    """Return the folder for the model of a run.

    Returns:
        `model/` in the run directory, or the folder that a SageMaker container uploads.
    """
    return Path(os.environ["SM_MODEL_DIR"]) if is_in_container() else run_dir / "model"


def get_checkpoint_dir(run_dir: Path) -> Path:
    """Return the folder for checkpoints.

    Returns:
        `checkpoints/` in the run directory, or the folder that a SageMaker container mirrors to S3.
    """
    folder = os.environ.get("SM_CHECKPOINT_DIR") if is_in_container() else None
    return Path(folder) if folder else run_dir / "checkpoints"


def get_cache_dir() -> Path:
    """Return the folder for downloads and tokens: MLQA_CACHE, else ~/.cache/mlqa."""
    try:
        return Path(os.environ.get("MLQA_CACHE") or "~/.cache/mlqa").expanduser()
    except RuntimeError:  # the user has no home directory, as in some containers
        import tempfile

        return Path(tempfile.gettempdir()) / "mlqa"


@functools.cache
def go_offline_if_unreachable() -> None:
    """Ask the Hugging Face hub once if it is there, and set HF_HUB_OFFLINE=1 if it does not answer.

    The libraries of the hub then use their cache only. Otherwise they would retry each file for half a minute. Call it
    before they are imported.
    """
    if os.environ.get("HF_HUB_OFFLINE"):
        return
    import urllib.error
    import urllib.request

    try:
        request = urllib.request.Request(os.environ.get("HF_ENDPOINT") or "https://huggingface.co", method="HEAD")
        urllib.request.urlopen(request, timeout=HUB_SECONDS).close()
    except urllib.error.HTTPError:
        return  # an HTTP error is an answer
    except (OSError, ValueError):
        log.warning("the Hugging Face hub cannot be reached: only its cache on this machine is used")
        os.environ["HF_HUB_OFFLINE"] = "1"


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Pause Python's search for cyclic garbage while libraries are imported and data are read, and then freeze both.

    They create some millions of objects that stay, and the search would look at all of them again and again: a fifth
    of the time to import torch and transformers.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@functools.cache
def get_console() -> Console:
    """Return the console on stderr for progress bars and tables. stdout is for results only."""
    from rich.console import Console

    return Console(stderr=True)
