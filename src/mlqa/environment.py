"""What this process runs in: a laptop or a SageMaker container, its rank, caches, versions, commit. Nothing heavy."""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger(__name__)

HUB_SECONDS = 5
GIT_SECONDS = 10
_PACKAGES = ("mlqa", "torch", "transformers", "tokenizers", "datasets", "accelerate", "hydra-core")
_TOP = Path(__file__).resolve().parents[2]
_MOST_DIFF = 1_000_000  # characters
# Changes that assign a long text to what is called a secret, or hold the beginning of a known kind of key.
_SECRET = re.compile(
    r"(?i:key|token|secret|password)\w*[\"']?\s*[=:]\s*[\"'][^\"'\s]{16,}|\b(?:hf_|sk-|gh[pousr]_|AKIA|ASIA|wandb_v)\w{16,}"
)


class SourceState(NamedTuple):
    """The commit of the program, with "-dirty" if files were changed, and these changes as `git diff` shows them."""

    commit: str
    diff: str


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


def read_source_state() -> SourceState | None:
    """Read which commit this program is, and how its Python files differ from it.

    Returns:
        None if this is no clone. The changes are "" if they are long or may hold a secret. In a SageMaker job it is the
        state of the clone that launched it: the launcher sets SAGEMAKER_SOURCE_COMMIT, and SAGEMAKER_SOURCE_DIFF to the
        path of the changes.
    """
    if commit := os.environ.get("SAGEMAKER_SOURCE_COMMIT"):
        try:
            diff = Path(os.environ["SAGEMAKER_SOURCE_DIFF"]).read_text("utf-8")
        except (KeyError, OSError, UnicodeDecodeError):
            diff = ""
        return SourceState(commit, diff)
    if not (_TOP / ".git").exists():
        return None
    try:
        commit = _call_git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").strip()
        # Settings are in every config that is logged. A file of settings may hold more than that.
        diff = _call_git("diff", "HEAD", "--", "*.py") if commit.endswith("-dirty") else ""
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return SourceState(commit, "" if len(diff) > _MOST_DIFF or _SECRET.search(diff) else diff)


def _call_git(*arguments: str) -> str:
    command = ["git", "-C", str(_TOP), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=GIT_SECONDS, check=True).stdout


def collect_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a result, and the commit if it is known."""
    from importlib import metadata  # it imports the packages email and zipfile, which a start needs for nothing else

    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    if (source := read_source_state()) is not None:
        versions["commit"] = source.commit
    return versions


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
