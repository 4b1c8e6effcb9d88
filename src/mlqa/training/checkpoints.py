"""Checkpoints that can be trusted: whole, of this very run, or not used.

A checkpoint is written beside its place and then renamed, so that a process killed at any moment leaves no half of one
under its name; a manifest with each file's size and SHA-256 tells one that a copy cut short or a power cut spoiled. The
folder is named after what decides the training (config, data, number of processes), so that runs that share a directory
never see each other's.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from mlqa.data.download import compute_sha256
from mlqa.environment import get_checkpoint_dir
from mlqa.errors import RunError
from mlqa.result import HISTORY

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
STATE = "trainer_state.json"
PARTIAL = ".partial"


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint: after `step` of `max_steps` optimizer steps."""

    path: Path
    step: int
    max_steps: int

    @property
    def history(self) -> Path | None:
        """What was logged up to its step."""
        return self.path / HISTORY if (self.path / HISTORY).is_file() else None

    @property
    def is_final(self) -> bool:
        """Whether nothing is left to train."""
        return self.step >= self.max_steps


class Checkpoints:
    """The checkpoints of one run; methods that write are for one process of a machine only."""

    def __init__(self, run_dir: Path, identity: str) -> None:
        """Raises RunError where something else stands in their place."""
        self.identity = identity
        self.run_dir = run_dir
        self.folder = get_checkpoint_dir(run_dir) / identity
        if self.folder.parent.exists() and not self.folder.parent.is_dir():
            raise RunError(
                f"{self.folder.parent} is a file: a run keeps its checkpoints there; choose another directory"
            )

    def find_latest(self) -> Checkpoint | None:
        """The newest whole checkpoint of this run; the log says which newer ones were passed over, and why."""
        others = [path.name for path in self.folder.parent.glob("*") if path != self.folder]
        if others and not self.folder.is_dir():
            log.warning(
                "%s holds checkpoints of another run (other settings, data or number of processes): left alone",
                self.folder.parent,
            )
        for step in reversed(self._list_steps()):
            path = self._get_path(step)
            wrong = self._find_problem(path)
            if wrong is None:
                state = json.loads((path / STATE).read_text("utf-8"))
                return Checkpoint(path, step, int(state["max_steps"]))
            log.warning("%s is skipped: %s", path, wrong)
        return None

    def get_partial_path(self, step: int) -> Path:
        """Where the files of a checkpoint are written before it has its name."""
        return self.folder / f"checkpoint-{step}{PARTIAL}"

    def has_checkpoint(self, step: int) -> bool:
        return self._find_problem(self._get_path(step)) is None

    def complete(self, step: int) -> None:
        """Gives the written checkpoint its name. Raises OSError where that fails."""
        partial, place = self.get_partial_path(step), self._get_path(step)
        if (self.run_dir / HISTORY).is_file():
            shutil.copyfile(self.run_dir / HISTORY, partial / HISTORY)
        files = {path.name: [path.stat().st_size, compute_sha256(path)] for path in sorted(partial.iterdir())}
        (partial / MANIFEST).write_text(json.dumps({"identity": self.identity, "files": files}, indent=1), "utf-8")
        for path in [*partial.iterdir(), partial]:  # all of it is on the disk before the older one goes
            _flush(path)
        if place.exists():
            shutil.rmtree(place)
        os.replace(partial, place)
        _flush(self.folder)

    def keep_newest(self, count: int) -> None:
        """Removes all but the newest `count`, and what an interrupted one has left."""
        for step in self._list_steps()[:-count]:
            shutil.rmtree(self._get_path(step), ignore_errors=True)
        for path in self.folder.glob(f"*{PARTIAL}"):
            shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        """Removes this run's checkpoints: for a run that has its result and its model."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.tidy()

    def tidy(self) -> None:
        """Removes the folders that hold nothing."""
        for folder in (self.folder, self.folder.parent):
            if self.run_dir in folder.parents and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _list_steps(self) -> list[int]:
        names = (re.fullmatch(r"checkpoint-(\d+)", path.name) for path in self.folder.glob("checkpoint-*"))
        return sorted(int(name.group(1)) for name in names if name)

    def _get_path(self, step: int) -> Path:
        return self.folder / f"checkpoint-{step}"

    def _find_problem(self, path: Path) -> str | None:
        try:
            manifest = json.loads((path / MANIFEST).read_text("utf-8"))
            if manifest["identity"] != self.identity:
                return "it belongs to another run"
            for name, (size, digest) in manifest["files"].items():
                if not (path / name).is_file():
                    return f"{name} is missing"
                if (found := (path / name).stat().st_size) != size:
                    return f"{name} has {found} of {size} bytes"
                if compute_sha256(path / name) != digest:
                    return f"{name} is not what was written"
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return f"it was not written to its end (no whole {MANIFEST})"
        return None if STATE in manifest["files"] else f"{STATE} is missing"


def _flush(path: Path) -> None:
    """Waits until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
