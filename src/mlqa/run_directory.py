"""Whose a run directory is, and what a run leaves in it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlqa.config.schema import Config
from mlqa.data.load import load_splits
from mlqa.display.score_tables import print_summary
from mlqa.distributed import all_gather_object, find_root_cause, ignore_interrupts, raise_on_sigterm
from mlqa.environment import get_checkpoint_dir, get_local_rank, get_world_size, is_main
from mlqa.errors import ConfigError, RunError, describe_interruption, summarize_error
from mlqa.result import FILE, Result, compute_run_cost, take_over
from mlqa.tracking.trackers import Trackers
from mlqa.training.checkpoints import Checkpoints, compute_run_identity

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
    if load_splits(config.dataset).compute_fingerprint() != earlier.dataset["fingerprint"]:
        raise RunError(f"{run_dir} holds a run completed on other data: choose another directory by hydra.run.dir=...")
    if get_world_size() > 1:  # the others wait for this process, and could not be told
        raise RunError(f"{run_dir}: this run is completed; to run it again, remove its {FILE}")
    log.info("this run is completed, its result stands; to run it again, remove its %s", FILE)
    if get_checkpoint_dir(run_dir).is_dir():  # it was killed while they were removed
        open_checkpoints(earlier, run_dir).remove()
    print_summary(earlier, run_dir)
    return earlier


@contextmanager
def record_ending(config: Config, result: Result, trackers: Trackers) -> Iterator[None]:
    """Record in result.json how the run inside ends, however it ends, then finish its trackers.

    SIGTERM raises inside, so that a stopped run can also be recorded. The run directory is read at the end, because
    only rank 0 knows it at the start.

    Raises:
        MlqaError: The run failed. If several processes train together, this is the root cause of the failure.
        KeyboardInterrupt: The run was stopped, and result.json says so.
    """
    began = time.monotonic()
    try:
        with raise_on_sigterm():
            yield
        result.status, result.error = "completed", None
    except BaseException as raised:
        error = find_root_cause(raised)
        if isinstance(error, KeyboardInterrupt):
            result.status, result.error = "stopped", describe_interruption(error)
        else:
            result.error = " | ".join(error.problems) if isinstance(error, ConfigError) else summarize_error(error)
            log.error("error: %s", result.error)
        raise error from (None if error is raised else raised)
    finally:
        try:
            with ignore_interrupts():
                result.timing["total_seconds"] = round(time.monotonic() - began, 3)
                result.cost = compute_run_cost(result.timing["total_seconds"], config.hardware.usd_per_hour)
                finalize_run(result, Path(config.training.output_dir))
        finally:
            trackers.finish(asdict(result))


def finalize_run(result: Result, run_dir: Path) -> None:
    """The scores on the screen, result.json, and checkpoints only where there is something to go on from."""
    completed = result.status == "completed"
    if is_main():
        if result.metrics:
            print_summary(result, run_dir)
        try:
            result.write(run_dir)
        except RunError as error:
            log.error("error: %s", error)
            if completed:
                raise
    if "fingerprint" not in result.dataset:
        return
    if completed:
        all_gather_object(None)  # result.json is there, perhaps on another machine: nothing to go on from is needed now
        if get_local_rank() == 0:
            open_checkpoints(result, run_dir).remove()
    elif is_main() and open_checkpoints(result, run_dir).find_latest() is not None:
        member = (run_dir.parent / "multirun.yaml").is_file()
        directory = f"hydra.sweep.dir={run_dir.parent}" if member else f"hydra.run.dir={run_dir}"
        log.info("a checkpoint is kept; the same command goes on from it in the same directory: %s", directory)


def open_checkpoints(result: Result, run_dir: Path) -> Checkpoints:
    """This run's checkpoints. Raises RunError where they can have no place."""
    return Checkpoints(
        run_dir, compute_run_identity(result.config_hash, result.dataset["fingerprint"], get_world_size())
    )


def try_write(unwritten: list[str], write: Callable[..., None], *arguments: Any) -> None:
    """What cannot be written is said at the end: the scores are still worth having."""
    try:
        write(*arguments)
    except RunError as error:
        log.error("error: %s; the run goes on", error)
        unwritten.append(str(error))
