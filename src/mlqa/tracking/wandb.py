"""Track a run in Weights & Biases while it trains. wandb is imported only when a tracker is created."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from pathlib import Path
from typing import Any

from mlqa.config.schema import TrackingConfig
from mlqa.environment import is_in_container
from mlqa.errors import summarize_error
from mlqa.result import MODEL, PREDICTIONS
from mlqa.tracking.protocol import RunIdentity, Table, Tracker
from mlqa.tracking.wandb_mode import PROJECT, Mode, decide_mode

log = logging.getLogger(__name__)

START_SECONDS = 60  # an outage must not block a paid machine; tracking.finish_timeout limits the end
TAG_LENGTH = 64  # characters: W&B refuses longer tags
# nodes of result.json
SUMMARY_NODES = (
    "metrics", "validation", "evaluations", "breakdown", "tokenization", "timing", "cost", "model", "dataset",
    "versions",
)  # fmt: skip
BEST = ("exact_match", "f1", "exact_match_unseen", "f1_unseen")
STEP = "train/global_step"


class WandbTracker(Tracker):
    """A W&B run. A resumed run keeps its id. docs/wandb.md lists what is logged."""

    def __init__(self, config: TrackingConfig, identity: RunIdentity) -> None:
        import wandb

        self._config, self._identity = config, identity
        self._began = time.monotonic()
        self._step = 0
        self._best: dict[str, float] = {}
        self._mode = decide_mode(config.mode)
        try:
            self._run = self._init(self._mode)
        except Exception as error:
            if self._mode != "online":
                raise
            log.warning("tracking: W&B could not be reached (%s); this run is kept offline", summarize_error(error))
            self._mode = "offline"
            wandb.teardown()  # its service process keeps the id of a run that it could not start
            self._run = self._init("offline")
        # An axis of our own: a resumed run repeats some steps, and W&B drops rows whose own step is not new.
        self._run.define_metric(STEP)
        self._run.define_metric("*", step_metric=STEP)
        place = {key: getattr(self._run, key) for key in ("entity", "project", "id")}
        url = self._run.url if self._mode == "online" else None
        self.place: dict[str, Any] = {"wandb": {"mode": self._mode, **place, "url": url}}

    def _init(self, mode: Mode) -> Any:
        import wandb

        config, identity = self._config, self._identity
        return wandb.init(
            project=config.project or os.environ.get("WANDB_PROJECT") or PROJECT,
            entity=config.entity,
            id=os.environ.get("WANDB_RUN_ID") or identity.name,
            name=identity.name,
            group=identity.group,
            job_type="train",
            tags=[tag[:TAG_LENGTH] for tag in (*identity.tags, *config.tags) if tag],
            config=identity.config,
            dir=str(identity.directory),
            mode=mode,
            resume="allow",
            reinit="finish_previous",  # a run that is still open would receive this one's rows
            settings=wandb.Settings(
                symlink=not is_in_container(),  # nothing that leaves a container may depend on links
                sagemaker_disable=True,  # otherwise W&B replaces id and group by the job's name in a container
                disable_git=True,  # the URL of a remote may hold a token; result.json has the commit
                init_timeout=START_SECONDS,
                finish_timeout=config.finish_timeout,
                finish_timeout_raises=True,
                silent=True,
            ),
        )

    def start(self, history: Path | None) -> None:
        """Restore the best scores of the earlier steps. Steps that are logged again share the same axis.

        Args:
            history: The history.jsonl of the earlier steps if training resumes from a checkpoint, else None.
        """
        for line in history.read_text("utf-8").splitlines() if history is not None else ():
            self._keep_best(json.loads(line))

    def log(self, row: dict[str, float], step: int) -> None:
        """Log metrics under "train/", "eval/" or "test/", and an estimate of the cost so far if the price is known.

        Args:
            row: Value of each metric, as transformers names it.
            step: Number of optimizer steps so far.
        """
        plain = {
            key.replace("_", "/", 1) if key.startswith(("eval_", "test_")) else f"train/{key}": value
            for key, value in row.items()
        }
        self._step = step
        self._keep_best(row)
        if (usd := self._identity.usd_per_hour) is not None:
            plain["cost/usd"] = usd * (time.monotonic() - self._began) / 3600
        self._run.log({**plain, STEP: step})

    def _keep_best(self, row: dict[str, Any]) -> None:
        for name in BEST:
            if (value := row.get(f"eval_{name}")) is not None:
                self._best[name] = max(value, self._best.get(name, value))

    def log_table(self, table: Table) -> None:
        """Log a table and its bar chart. A table without rows is skipped."""
        if not table.rows:
            return
        import wandb

        wandb_table = wandb.Table(columns=list(table.columns), data=list(map(list, table.rows)))
        logged: dict[str, Any] = {table.name: wandb_table, STEP: self._step}
        if table.bar is not None:
            label, number = table.bar
            logged[f"{table.name}_{number}"] = wandb.plot.bar(wandb_table, label, number, title=f"{number} by {label}")
        self._run.log(logged)

    def finish(self, result: dict[str, Any]) -> None:
        """Write the summary, upload the artifact if the config asks for it, and close the W&B run.

        If the upload does not finish within `tracking.finish_timeout`, log the command that completes it.

        Args:
            result: Content of result.json, whatever its status.
        """
        completed = result["status"] == "completed"
        summary = {f"{node}/{key}": value for node in SUMMARY_NODES for key, value in result.get(node, {}).items()}
        self._keep_best(
            {f"eval_{name}": value for name, value in (result.get("validation") or result["metrics"]).items()}
        )
        summary |= {f"best/{name}": value for name, value in self._best.items()}
        summary |= {"status": result["status"], "error": result.get("error")}
        summary = {name: value for name, value in summary.items() if value is not None}
        # A resumed run has several directories, and `wandb sync` needs them in their order.
        folder = self._identity.directory / "wandb"
        try:
            try:
                self._run.summary.update(summary)
                if completed and self._config.artifacts:
                    self._upload()
            finally:
                self._run.finish(exit_code=0 if completed else 1)
                if is_in_container():
                    _remove_links(folder)
        except TimeoutError:
            log.warning(
                "tracking: the W&B upload did not finish within tracking.finish_timeout=%g seconds; "
                "to complete it: wandb sync --include-online %s",
                self._config.finish_timeout,
                " ".join(map(str, sorted(folder.glob("run-*")))),
            )
        if self._mode == "offline":
            directories = " ".join(map(str, sorted(folder.glob("offline-run-*"))))
            log.info("W&B ran offline; to upload it: wandb sync %s", directories)

    def _upload(self) -> None:
        """Upload predictions.json and model/ as one artifact of the run."""
        import wandb

        name = re.sub(r"[^A-Za-z0-9._-]+", "-", self._identity.name)
        artifact = wandb.Artifact(name, type="run", metadata={"config": self._identity.config})
        directory = self._identity.directory
        if (directory / PREDICTIONS).is_file():
            artifact.add_file(str(directory / PREDICTIONS))
        if (directory / MODEL).is_dir():
            artifact.add_dir(str(directory / MODEL), name=MODEL)
        self._run.log_artifact(artifact)


def _remove_links(folder: Path) -> None:
    """Remove W&B's links to its debug log, which stays in the container."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            path.unlink()
