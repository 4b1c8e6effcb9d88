"""Whose a run directory is, and what a run leaves in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlqa.config.schema import Config
from mlqa.data.load import load_splits
from mlqa.display.score_tables import show
from mlqa.distributed import gather
from mlqa.environment import checkpoint_dir, is_main, local_rank, world_size
from mlqa.errors import RunError
from mlqa.result import FILE, Result, take_over
from mlqa.training.checkpoints import Checkpoints, identity_of

log = logging.getLogger(__name__)


def claim(config: Config, result: Result) -> Result | None:
    """Makes the directory this run's own, or returns the result of the same run, completed before, which stands.

    Raises RunError, and touches nothing, where the directory holds a completed run with other settings or data, or
    what is not mlqa's.
    """
    run_dir = Path(config.training.output_dir)
    earlier = take_over(run_dir, result.config_hash)
    if earlier is None:
        result.write(run_dir)  # what a kill will leave
        return None
    if load_splits(config.dataset).fingerprint() != earlier.dataset["fingerprint"]:
        raise RunError(f"{run_dir} holds a run completed on other data: choose another directory by hydra.run.dir=...")
    if world_size() > 1:  # the others wait for this process, and could not be told
        raise RunError(f"{run_dir}: this run is completed; to run it again, remove its {FILE}")
    log.info("this run is completed, its result stands; to run it again, remove its %s", FILE)
    if checkpoint_dir(run_dir).is_dir():  # it was killed while they were removed
        checkpoints_of(earlier, run_dir).remove()
    show(earlier, run_dir)
    return earlier


def leave(result: Result, run_dir: Path) -> None:
    """The scores on the screen, result.json, and checkpoints only where there is something to go on from."""
    completed = result.status == "completed"
    if is_main():
        if result.metrics:
            show(result, run_dir)
        try:
            result.write(run_dir)
        except RunError as error:
            log.error("error: %s", error)
            if completed:
                raise
    if "fingerprint" not in result.dataset:
        return
    if completed:
        gather(None)  # result.json is there, perhaps on another machine: nothing to go on from is needed now
        if local_rank() == 0:
            checkpoints_of(result, run_dir).remove()
    elif is_main() and checkpoints_of(result, run_dir).latest() is not None:
        member = (run_dir.parent / "multirun.yaml").is_file()
        directory = f"hydra.sweep.dir={run_dir.parent}" if member else f"hydra.run.dir={run_dir}"
        log.info("a checkpoint is kept; the same command goes on from it in the same directory: %s", directory)


def checkpoints_of(result: Result, run_dir: Path) -> Checkpoints:
    """This run's checkpoints. Raises RunError where they can have no place."""
    return Checkpoints(run_dir, identity_of(result.config_hash, result.dataset["fingerprint"], world_size()))


def attempt(unwritten: list[str], write: Callable[..., None], *arguments: Any) -> None:
    """What cannot be written is said at the end: the scores are still worth having."""
    try:
        write(*arguments)
    except RunError as error:
        log.error("error: %s; the run goes on", error)
        unwritten.append(str(error))
