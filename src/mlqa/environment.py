"""Where am I: a laptop, one rank of several, a SageMaker container. Read from the environment, nothing heavy."""

from __future__ import annotations

import functools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger(__name__)

HUB_SECONDS = 5


def get_rank() -> int:
    """The global rank of this process; 0 where there is only one."""
    return int(os.environ.get("RANK", "0"))


def get_local_rank() -> int:
    """The rank of this process among those of this machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def get_world_size() -> int:
    """The number of processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this process is the one that writes and reports."""
    return get_rank() == 0


def is_in_container() -> bool:
    """Whether this process runs inside a SageMaker training job."""
    return "TRAINING_JOB_NAME" in os.environ and "SM_CURRENT_HOST" in os.environ


def get_model_dir(run_dir: Path) -> Path:
    """Where a run's model goes: `model/`, or the place from which a SageMaker container uploads it."""
    return Path(os.environ["SM_MODEL_DIR"]) if is_in_container() else run_dir / "model"


def get_checkpoint_dir(run_dir: Path) -> Path:
    """Where checkpoints are kept: `checkpoints/`, or the place that a SageMaker container mirrors to S3."""
    folder = os.environ.get("SM_CHECKPOINT_DIR") if is_in_container() else None
    return Path(folder) if folder else run_dir / "checkpoints"


def get_cache_dir() -> Path:
    """Where downloads and tokens are kept: MLQA_CACHE, else ~/.cache/mlqa."""
    try:
        return Path(os.environ.get("MLQA_CACHE") or "~/.cache/mlqa").expanduser()
    except RuntimeError:  # a user without a home, as containers have
        import tempfile

        return Path(tempfile.gettempdir()) / "mlqa"


@functools.cache
def go_offline_if_unreachable() -> None:
    """Asks the Hugging Face hub once for a sign of life; without one, its libraries go by their cache alone.

    Left to themselves they retry each file for half a minute. To be called before they are imported.
    """
    if os.environ.get("HF_HUB_OFFLINE"):
        return
    import urllib.error
    import urllib.request

    request = urllib.request.Request(os.environ.get("HF_ENDPOINT") or "https://huggingface.co", method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=HUB_SECONDS).close()
    except urllib.error.HTTPError:
        return  # it answers
    except (OSError, ValueError):
        log.warning("the Hugging Face hub cannot be reached: going by what its cache on this machine holds")
        os.environ["HF_HUB_OFFLINE"] = "1"


@functools.cache
def get_console() -> Console:
    """The terminal, for progress bars and tables; standard output stays free for results."""
    from rich.console import Console

    return Console(stderr=True)
