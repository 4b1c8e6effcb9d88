"""Complete a run at its tracker from the files of its directory: what an outage, a kill or offline work left out."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.schema import Config, TrackingBackend, WandbMode
from mlqa.errors import RunError
from mlqa.result import HISTORY, SCORES, TOKENIZATION, read_result, record_place
from mlqa.tracking.identity import build_run_identity
from mlqa.tracking.names import BestScores, find_missing_rows, normalize_value, read_history
from mlqa.tracking.protocol import Logged, Page, RunIdentity, Table
from mlqa.tracking.tables import (
    build_evaluation_table,
    build_prediction_table,
    build_tokenizer_tables,
    build_word_page,
)
from mlqa.tracking.trackers import load_tracker
from mlqa.tracking.wandb_connection import find_run_dirs
from mlqa.tracking.wandb_files import waits_for_upload

log = logging.getLogger(__name__)

UPLOAD_SECONDS = 3600


def sync_run(run_dir: Path, backend: TrackingBackend) -> str:
    """Add to a tracker what it lacks of a run. A second call finds nothing to add.

    Args:
        run_dir: The directory of a run that has ended, wherever it was trained.
        backend: The tracker.

    Returns:
        What was added, for people.

    Raises:
        RunError: The directory is not that of a run that has ended, or there is no key for the tracker.
        UnreachableError: The tracker cannot be asked.
    """
    result = read_result(run_dir)
    config = _read_config(run_dir)
    tracker = load_tracker(backend)
    identity = build_run_identity(config, result.get("choices", {}), run_dir)
    place = result.get("tracking", {}).get(backend.value, {})
    # Who the run is was decided on the machine that trained it.
    identity = replace(
        identity,
        id=place.get("id") or identity.id,
        group=place.get("group") or identity.group,
        commit=result.get("versions", {}).get("commit"),
        diff="",
        usd_per_hour=None,
    )
    config.tracking.mode, config.tracking.backend = WandbMode.online, backend
    config.tracking.project = place.get("project") or config.tracking.project
    if place.get("mode") == "online":  # an offline run has not learned yet whose it is
        config.tracking.entity = place.get("entity") or config.tracking.entity
    logged = tracker.read_logged(config.tracking, identity)
    done = []
    if backend is TrackingBackend.wandb and _upload_offline_dirs(run_dir, identity, config.tracking.dir, logged):
        done = ["uploaded"]
        logged = tracker.read_logged(config.tracking, identity)
    history = read_history(run_dir / HISTORY)
    rows = find_missing_rows(history, logged.rows if logged else [])
    media = [
        item
        for item in _iter_media(run_dir, result, config.tracking.predictions)
        if logged is None or not logged.has_table(item.name)
    ]
    if not rows and not media and logged is not None and _has_summary(run_dir, result, logged):
        return _tell(run_dir, "; ".join(done) or "complete, nothing to add", logged.place)
    opened = tracker(config.tracking, identity)
    if "wandb" in opened.place and opened.place["wandb"]["mode"] != "online":
        opened.finish(result)
        raise RunError(f"{run_dir}: was not synced, because W&B was not online")
    for row in rows:
        opened.log({name: value for name, value in row.items() if name != "step"}, row["step"])
    opened.start(run_dir / HISTORY)  # after the rows, which may be of earlier steps than those that were not lost
    for item in media:
        if isinstance(item, Table):
            opened.log_table(item)
        else:
            opened.log_page(item)
    opened.finish(result)
    done.append(f"added {_count(len(rows), 'row')}, {_count(len(media), 'table')} and the summary")
    return _tell(run_dir, "; ".join(done), opened.place)


def _tell(run_dir: Path, done: str, place: dict[str, Any]) -> str:
    """Record where the run is, which the report links, and return what was done with the way to see it."""
    try:
        record_place(run_dir, place)
    except RunError as error:
        log.warning("sync: the report does not link the run: %s", error)
    (shown,) = place.values()
    return f"{done}; to see it: {shown.get('url') or shown.get('show')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _read_config(run_dir: Path) -> Config:
    path = run_dir / ".hydra" / "config.yaml"
    try:
        recorded = _drop_interpolations(OmegaConf.to_container(OmegaConf.load(path)))
        merged = OmegaConf.merge(OmegaConf.structured(Config), recorded, {"training": {"output_dir": str(run_dir)}})
        config = OmegaConf.to_object(merged)
    except FileNotFoundError:
        raise RunError(
            f"{path}: the file does not exist; copy the folder .hydra from where the run was trained"
        ) from None
    except (OmegaConfBaseException, OSError, ValueError) as error:
        raise RunError(f"{path}: this version of mlqa cannot read it: {str(error).splitlines()[0]}") from None
    assert isinstance(config, Config)
    return config


def _drop_interpolations(node: Any) -> Any:
    """Return a config without what only the process that ran could resolve: its directory, the channels of its job."""
    if isinstance(node, dict):
        return {key: _drop_interpolations(value) for key, value in node.items() if not _is_interpolation(value)}
    return [item for item in node if not _is_interpolation(item)] if isinstance(node, list) else node


def _is_interpolation(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def _iter_media(run_dir: Path, result: dict[str, Any], predictions: int) -> Iterator[Table | Page]:
    """Yield the tables and the page of a run, of what its directory holds."""
    path = run_dir / TOKENIZATION
    if path.is_file():
        content = json.loads(path.read_text("utf-8"))
        words = content.pop("analysed_words", [])
        figures = {name: value for name, value in content.items() if isinstance(value, int | float)}
        label = result.get("label") or "model"
        yield from (table for table in build_tokenizer_tables(label, figures, words) if table.rows)
        yield build_word_page(label, words)
    path = run_dir / SCORES
    if predictions and path.is_file():
        rows = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
        yield build_prediction_table(rows[:predictions])
    if (evaluations := build_evaluation_table(result)).rows:
        yield evaluations


def _has_summary(run_dir: Path, result: dict[str, Any], logged: Logged) -> bool:
    """Return whether the tracker has every number and text of the summary."""
    best = BestScores()
    best.restore(run_dir / HISTORY)
    return all(
        normalize_value(logged.summary.get(name)) == normalize_value(value)
        for name, value in best.build_summary(result).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    )


def _upload_offline_dirs(run_dir: Path, identity: RunIdentity, root: str | None, logged: Logged | None) -> bool:
    """Upload what W&B wrote offline, with system metrics and console, which no other file holds.

    W&B marks a directory that it has uploaded.

    Returns:
        Whether anything was uploaded.

    Raises:
        RunError: W&B refuses.
    """
    folders = [folder for folder in find_run_dirs(run_dir, identity.id, root) if waits_for_upload(folder)]
    if not folders:
        return False
    command = [sys.executable, "-m", "wandb", "sync", *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=UPLOAD_SECONDS)
    if done.returncode:
        raise RunError(f"sync: wandb sync failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return True
