"""Weights & Biases: the only module that imports it, and only when a tracker is made."""

from __future__ import annotations

import logging
import netrc
import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

from mlqa.config import TrackingConfig, WandbMode
from mlqa.tracking import RunIdentity

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60  # for start and finish: an outage must not hold a paid machine
TAG_LENGTH = 64  # W&B refuses longer ones


class WandbTracker:
    """One W&B run, resumed under the same id where a run goes on."""

    def __init__(self, config: TrackingConfig, identity: RunIdentity) -> None:
        import wandb

        mode = decide_mode(config.mode)
        self._directory = identity.directory
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or config.project,
            entity=config.entity,
            id=os.environ.get("WANDB_RUN_ID") or identity.name,
            name=identity.name,
            group=config.group or identity.group,
            job_type="train",
            tags=[tag[:TAG_LENGTH] for tag in (*identity.tags, *config.tags)],
            config=identity.config,
            dir=str(identity.directory),
            mode=mode,
            resume="allow",
            reinit="finish_previous",
            settings=wandb.Settings(
                sagemaker_disable=True,  # else id and group are replaced by the job's name inside a container
                init_timeout=TIMEOUT_SECONDS,
                finish_timeout=TIMEOUT_SECONDS,
                silent=True,
            ),
        )
        self._run.define_metric("train/global_step")
        self._run.define_metric("*", step_metric="train/global_step")
        self._offline = mode == "offline"

    def start(self, history: Path | None) -> None:
        """Nothing to do: a step that is logged again takes the place of the earlier one on the step axis."""

    def log(self, row: dict[str, float], step: int) -> None:
        names = {key if key.startswith("eval_") else f"train/{key}": value for key, value in row.items()}
        plain = {key.replace("eval_", "eval/", 1): value for key, value in names.items()}
        self._run.log({**plain, "train/global_step": step})

    def finish(self, result: dict[str, Any]) -> None:
        for node in ("metrics", "breakdown", "tokenization", "timing", "cost", "model", "dataset"):
            for key, value in result[node].items():
                self._run.summary[f"{node}/{key}"] = value
        self._run.summary["status"] = result["status"]
        self._run.finish(exit_code=0 if result["status"] == "completed" else 1)
        if self._offline:
            # A run that has gone on after an interruption has several, and their order counts.
            found = sorted((self._directory / "wandb").glob("offline-run-*"))
            log.info("W&B ran offline; to upload it: wandb sync %s", " ".join(map(str, found)))


def decide_mode(mode: WandbMode) -> Literal["online", "offline", "disabled"]:
    """online, offline or disabled, decided before W&B could ask: `auto` is online where a key is found."""
    wanted = os.environ.get("WANDB_MODE") if mode is WandbMode.auto else mode.value
    if wanted == "disabled":
        return "disabled"
    if wanted == "offline":
        return "offline"
    return "online" if wanted == "online" or _has_key() else "offline"


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai").hostname or ""
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        return netrc.netrc(str(path)).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
