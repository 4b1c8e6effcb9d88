"""Checkpoints that are used only if they are complete and of the same run.

A checkpoint is written under a temporary name and then renamed, so that a process killed at any moment never leaves
half of one under its name. A manifest with the size and SHA-256 of each file detects one that an interrupted copy or a
power cut has damaged. The folder is named after what decides the training (config, data, number of processes), so that
runs that share a directory never use each other's checkpoints.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from mlqa.data.download import compute_sha256
from mlqa.distributed import all_gather_object, broadcast_object
from mlqa.environment import get_checkpoint_dir, get_local_rank, is_main
from mlqa.errors import RunError, explain_write_failure
from mlqa.result import HISTORY

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
STATE = "trainer_state.json"
PARTIAL = ".partial"
BEST = "-best"  # end of the folder with the best model


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint after `step` of `max_steps` optimizer steps."""

    path: Path
    step: int
    max_steps: int

    @property
    def history(self) -> Path | None:
        """The file with the rows logged up to its step, if there is one."""
        return self.path / HISTORY if (self.path / HISTORY).is_file() else None

    @property
    def is_final(self) -> bool:
        """Whether nothing is left to train."""
        return self.step >= self.max_steps


class Checkpoints:
    """The checkpoints of one run.

    All processes that train together call `find_resumable` and `write`. One process per machine calls the others.

    Args:
        run_dir: The run directory.
        identity: The identity of the run, from `compute_run_identity`.
        kind: The end of the folder's name, if it does not hold the checkpoints to resume from.

    Raises:
        RunError: A file is in the place of their folder.
    """

    def __init__(self, run_dir: Path, identity: str, kind: str = "") -> None:
        self.identity = identity
        self.run_dir = run_dir
        self.folder = get_checkpoint_dir(run_dir) / f"{identity}{kind}"
        if self.folder.parent.exists() and not self.folder.parent.is_dir():
            raise RunError(
                f"{self.folder.parent} is a file, but a run keeps its checkpoints there; choose another directory"
            )

    def open_best(self) -> Checkpoints:
        """Return the place of the run's best model, a checkpoint without the state of the optimizer."""
        return Checkpoints(self.run_dir, self.identity, BEST)

    def find_resumable(self) -> Checkpoint | None:
        """Find the newest complete checkpoint from which all processes can resume.

        Returns:
            The checkpoint, or None if there is none or a machine does not have it.
        """
        latest: Checkpoint | None = broadcast_object(self.find_latest() if is_main() else None)
        if latest is not None and not all(all_gather_object(self.has_checkpoint(latest.step))):
            log.warning("%s is skipped: some machines do not have it", latest.path)
            return None
        return latest

    def find_latest(self) -> Checkpoint | None:
        """Return the newest complete checkpoint of this run, and log why newer ones are skipped."""
        others = [path.name for path in self.folder.parent.glob("*") if path.name.removesuffix(BEST) != self.identity]
        if others and not self.folder.is_dir():
            log.warning(
                "%s has checkpoints of another run (other settings, data or number of processes): they are not used",
                self.folder.parent,
            )
        for step in reversed(self._list_steps()):
            path = self._get_path(step)
            problem = self._find_problem(path)
            if problem is None:
                state = json.loads((path / STATE).read_text("utf-8"))
                return Checkpoint(path, step, int(state["max_steps"]))
            log.warning("%s is skipped: %s", path, problem)
        return None

    def has_checkpoint(self, step: int) -> bool:
        """Return whether this machine has a complete checkpoint of the step."""
        return self._find_problem(self._get_path(step)) is None

    def write(self, step: int, save_files: Callable[[Path], None], keep: int) -> None:
        """Write the checkpoint of a step completely or not at all. If it cannot be written, log a warning.

        Args:
            step: The number of optimizer steps so far.
            save_files: Writes the files of this process to a folder.
            keep: How many checkpoints to keep. Older ones are removed.
        """
        partial = self._get_partial_path(step)
        if get_local_rank() == 0:
            shutil.rmtree(partial, ignore_errors=True)  # left by a process that was killed here
        # Gathering also makes all processes wait for the removal.
        if all(all_gather_object(self.has_checkpoint(step))):
            return
        problem = None
        try:
            partial.mkdir(parents=True, exist_ok=True)
            save_files(partial)
        except (OSError, RuntimeError, SafetensorError) as error:  # the type depends on the library that meets it
            problem = explain_write_failure(error, self.run_dir)
        problem = _gather_first_problem(problem)
        if problem is None:
            problem = _gather_first_problem(self._complete(step, keep) if is_main() else None)
        if problem is None and get_local_rank() == 0 and partial.is_dir():  # another machine with its own disk
            problem = self._complete(step, keep)
        if problem is not None:
            shutil.rmtree(partial, ignore_errors=True)
            if is_main():
                self.tidy()
                log.warning("step %d: the checkpoint cannot be written: %s; training goes on without it", step, problem)

    def _complete(self, step: int, keep: int) -> str | None:
        """Give a written checkpoint its name and remove older ones. Return the problem if this fails."""
        try:
            self._seal(step)
            self._keep_newest(keep)
        except OSError as error:
            return explain_write_failure(error, self.run_dir)
        return None

    def _seal(self, step: int) -> None:
        """Add the history and the manifest to a written checkpoint, and rename it."""
        partial, final = self._get_partial_path(step), self._get_path(step)
        if (self.run_dir / HISTORY).is_file():
            shutil.copyfile(self.run_dir / HISTORY, partial / HISTORY)
        files = {path.name: [path.stat().st_size, compute_sha256(path)] for path in sorted(partial.iterdir())}
        (partial / MANIFEST).write_text(json.dumps({"identity": self.identity, "files": files}, indent=1), "utf-8")
        for path in [*partial.iterdir(), partial]:  # everything is on the disk before an older checkpoint is removed
            _flush(path)
        if final.exists():
            shutil.rmtree(final)
        os.replace(partial, final)
        _flush(self.folder)

    def _keep_newest(self, count: int) -> None:
        """Remove all checkpoints but the newest `count`, and the rest of interrupted ones."""
        for step in self._list_steps()[:-count]:
            shutil.rmtree(self._get_path(step), ignore_errors=True)
        for path in self.folder.glob(f"*{PARTIAL}"):
            shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        """Remove the checkpoints of this run, which has its result and its model."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.open_best().folder, ignore_errors=True)
        self.tidy()

    def tidy(self) -> None:
        """Remove empty folders."""
        for folder in (self.folder, self.folder.parent):
            if self.run_dir in folder.parents and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _list_steps(self) -> list[int]:
        names = (re.fullmatch(r"checkpoint-(\d+)", path.name) for path in self.folder.glob("checkpoint-*"))
        return sorted(int(name.group(1)) for name in names if name)

    def _get_path(self, step: int) -> Path:
        return self.folder / f"checkpoint-{step}"

    def _get_partial_path(self, step: int) -> Path:
        """Return the folder in which a checkpoint is written before it is renamed."""
        return self.folder / f"checkpoint-{step}{PARTIAL}"

    def _find_problem(self, path: Path) -> str | None:
        try:
            manifest = json.loads((path / MANIFEST).read_text("utf-8"))
            if manifest["identity"] != self.identity:
                return "it belongs to another run"
            for name, (size, digest) in manifest["files"].items():
                if not (path / name).is_file():
                    return f"{name} is missing"
                if (actual := (path / name).stat().st_size) != size:
                    return f"{name} has {actual} of {size} bytes"
                if compute_sha256(path / name) != digest:
                    return f"the content of {name} has changed"
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return f"it is incomplete (no valid {MANIFEST})"
        return None if STATE in manifest["files"] else f"{STATE} is missing"


def _gather_first_problem(problem: str | None) -> str | None:
    """Return the problem of the first process that has one, on every process."""
    return next((reported for reported in all_gather_object(problem) if reported), None)


def _flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
