"""Claim and finalize a run directory: whose it is, how the run in it ended, and what it cost."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlqa.config.endpoint import is_this_machine
from mlqa.config.identity import compute_run_identity
from mlqa.config.run_lock import lock_directory
from mlqa.config.run_places import find_sweep_dir
from mlqa.config.schema import Config
from mlqa.data.further_sets import load_run_data, name_own_set
from mlqa.display.score_tables import print_summary
from mlqa.distributed import all_gather_object, find_root_cause, ignore_interrupts, raise_on_sigterm
from mlqa.environment import get_checkpoint_dir, get_local_rank, get_world_size, is_main
from mlqa.errors import ConfigError, RunError, describe_interruption, summarize_error
from mlqa.result import (
    ENDPOINT_ANSWERS,
    FILE,
    MODEL,
    NULL_ODDS,
    PREDICTIONS,
    SCORES,
    TOKENIZATION,
    Result,
    find_completed,
)
from mlqa.tracking.trackers import Trackers
from mlqa.training.checkpoints import Checkpoints

log = logging.getLogger(__name__)


def claim(config: Config, result: Result) -> Result | None:
    """Make the directory this run's own, before anything is done in it.

    If an earlier run in it did not complete, remove what it left, except its checkpoints and its history.

    Args:
        config: The run's config. `training.output_dir` is the directory.
        result: The result of the run that begins. It is written, for the case that the process is killed.

    Returns:
        The result of the same run if it was completed before. Otherwise None.

    Raises:
        RunError: The directory holds a completed run with other settings or data, or a result.json of another tool, or
            a run that has not ended. Nothing in it has been touched.
    """
    run_dir = Path(config.training.output_dir)
    if (holder := lock_directory(run_dir, result.config_hash)) is not None:
        raise RunError(
            f"{run_dir}: {holder} is running in it; wait for its end, or choose another directory by hydra.run.dir=..."
        )
    earlier = find_completed(run_dir, result.config_hash)
    if earlier is None:
        if (run_dir / FILE).exists():
            _remove_remains(run_dir)
        result.write(run_dir)
        return None
    splits, _ = load_run_data(config, name_own_set(config, result.choices))
    if splits.compute_fingerprint() != earlier.dataset["fingerprint"]:
        raise RunError(f"{run_dir} holds a run completed on other data: choose another directory by hydra.run.dir=...")
    if get_world_size() > 1:  # the other processes wait for this one and would never hear that there is nothing to do
        raise RunError(f"{run_dir}: this run is completed; to run it again, remove its {FILE}")
    log.info("this run is already completed; to run it again, remove its %s", FILE)
    own = result.choices.get("dataset")
    if unscored := [name for name in config.evaluation.sets if name != own and name not in earlier.evaluations]:
        log.info("to score its model also: mlqa evaluate %s dataset=%s", run_dir, ",".join(unscored))
    if get_checkpoint_dir(run_dir).is_dir():  # the run was killed while it removed them
        open_checkpoints(earlier, run_dir).remove()
    print_summary(earlier, run_dir)
    return earlier


def _remove_remains(run_dir: Path) -> None:
    for name in (FILE, PREDICTIONS, SCORES, NULL_ODDS, TOKENIZATION, ENDPOINT_ANSWERS):
        (run_dir / name).unlink(missing_ok=True)
    shutil.rmtree(run_dir / MODEL, ignore_errors=True)


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
        with ignore_interrupts():  # torchrun sends SIGTERM to the processes that are left when one has died
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
                result.cost = _compute_cost(config, result)
                finalize_run(result, Path(config.training.output_dir))
        finally:
            trackers.finish(asdict(result))


def _compute_cost(config: Config, result: Result) -> dict[str, Any]:
    """Return the cost of a run: of its tokens if it asked an endpoint with a price, else of its machine."""
    seconds, endpoint = result.timing["total_seconds"], config.model.endpoint
    if endpoint is None or (endpoint.usd_per_million_input is None and is_this_machine(endpoint.base_url)):
        return compute_run_cost(seconds, config.hardware.usd_per_hour)
    asked = result.endpoint
    usd = asked.get("usd", asked.get("usd_paid"))
    if usd is not None:
        usd = round(usd + asked.get("usd_controls", 0.0), 6)
    return compute_endpoint_cost(seconds, usd, None in (asked.get("input_tokens"), asked.get("output_tokens")))


def compute_run_cost(seconds: float, usd_per_hour: float | None) -> dict[str, Any]:
    """Return the cost node of a run on this machine. A launcher completes it for the instances that it pays.

    Args:
        seconds: Wall-clock time of the whole run.
        usd_per_hour: Price of this machine, None if it is not known.
    """
    return {
        "billable_seconds": round(seconds),
        "instance_type": "local",
        "instance_count": 1,
        "usd_per_hour": usd_per_hour,
        "usd": None if usd_per_hour is None else round(seconds / 3600 * usd_per_hour, 4),
        "price_source": "hardware.usd_per_hour",
        "estimate": False,
    }


def compute_endpoint_cost(seconds: float, usd: float | None, is_estimate: bool) -> dict[str, Any]:
    """Return the cost node of a run that asked an endpoint.

    Args:
        seconds: Wall-clock time of the whole run.
        usd: Price of the tokens of all answers, None if it is not known.
        is_estimate: Whether the tokens were estimated, because the endpoint did not count them.
    """
    return {
        "billable_seconds": round(seconds),
        "instance_type": "endpoint",
        "instance_count": 1,
        "usd_per_hour": None,
        "usd": usd,
        "price_source": "model.endpoint.usd_per_million_input, usd_per_million_output",
        "estimate": is_estimate,
    }


def finalize_run(result: Result, run_dir: Path) -> None:
    """Print the scores, write result.json, and keep checkpoints only if there is something to go on from.

    Raises:
        RunError: result.json cannot be written although the run completed.
    """
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
        all_gather_object(None)  # wait for result.json, perhaps on another machine: no checkpoint is needed after it
        if get_local_rank() == 0:
            open_checkpoints(result, run_dir).remove()
    elif is_main() and open_checkpoints(result, run_dir).find_latest() is not None:
        sweep_dir = find_sweep_dir(run_dir)
        directory = f"hydra.sweep.dir={sweep_dir}" if sweep_dir else f"hydra.run.dir={run_dir}"
        log.info("a checkpoint is kept; the same command goes on from it in the same directory: %s", directory)


def open_checkpoints(result: Result, run_dir: Path) -> Checkpoints:
    """Return this run's checkpoints.

    Raises:
        RunError: A file is in the place of their folder.
    """
    return Checkpoints(
        run_dir, compute_run_identity(result.config_hash, result.dataset["fingerprint"], get_world_size())
    )


def try_write(unwritten: list[str], write: Callable[..., None], *arguments: Any) -> None:
    """Call `write(*arguments)`, and log and collect its RunError: the scores are worth having without the file.

    Args:
        unwritten: Receives one message for a file that cannot be written. The run fails with all of them at its end.
        write: A function that raises RunError if it cannot write.
        *arguments: What `write` is called with.
    """
    try:
        write(*arguments)
    except RunError as error:
        log.error("error: %s; the run goes on", error)
        unwritten.append(str(error))
