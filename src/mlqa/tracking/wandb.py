"""Track a run in Weights & Biases while it trains. wandb is imported only when a tracker is created."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from mlqa.config.schema import TrackingConfig
from mlqa.environment import is_in_container
from mlqa.errors import RunError, summarize_error
from mlqa.tracking.earlier_rows import EarlierRows
from mlqa.tracking.names import STEP, BestScores, read_history, rename_metrics
from mlqa.tracking.protocol import Logged, Page, RunIdentity, Table, Tracker
from mlqa.tracking.wandb_artifacts import upload_artifacts
from mlqa.tracking.wandb_connection import close_run, find_run_dirs, open_run, read_run, save_diff
from mlqa.tracking.wandb_files import cut_repeated_rows, is_set_aside, read_rows, set_aside, waits_for_upload
from mlqa.tracking.wandb_mode import decide_mode, has_key

log = logging.getLogger(__name__)

NO_KEY_TO_SYNC = "sync: there is no W&B key in WANDB_API_KEY or the netrc; set one, or run `wandb login`"


class WandbTracker(Tracker):
    """A W&B run. A resumed run keeps its id. docs/wandb.md lists what is logged."""

    def __init__(self, config: TrackingConfig, identity: RunIdentity) -> None:
        self._config, self._identity = config, identity
        self._began = time.monotonic()
        self._step = 0
        self._best = BestScores()
        self._takes_media = True
        self._earlier = EarlierRows()
        self._run, self._mode = open_run(config, identity, decide_mode(config.mode))
        # An axis of our own: a resumed run repeats some steps, and W&B drops rows whose own step is not new.
        self._run.define_metric(STEP)
        self._run.define_metric("*", step_metric=STEP)
        save_diff(self._run, identity.diff)
        place = {key: getattr(self._run, key) for key in ("entity", "project", "id")}
        url = self._run.url if self._mode == "online" else None
        self.place: dict[str, Any] = {"wandb": {"mode": self._mode, **place, "group": identity.group, "url": url}}
        self._announce()

    def start(self, history: Path | None) -> None:
        """Restore the best scores of the earlier steps.

        What earlier attempts have logged is not logged again. Of what waits for its upload, the rows after the
        checkpoint are cut off. If training begins from nothing, all of it is set aside.

        Args:
            history: The history.jsonl of the earlier steps if training resumes from a checkpoint, else None.
        """
        self._best.restore(history)
        rows = read_history(history)
        try:
            logged = self._read_local(rows)
            if self._run.resumed and (known := read_run(self._config, self._identity)) is not None:
                logged = Logged(known.rows + logged.rows, logged.summary | known.summary)
            self._earlier = EarlierRows(logged, rows)
        except Exception as error:  # an unknown format of W&B's files, or no answer
            log.warning("tracking: what an earlier attempt has logged may be at W&B twice: %s", summarize_error(error))

    def _read_local(self, history: list[dict[str, Any]]) -> Logged:
        """Read what earlier attempts on this machine have logged, and is or will be at W&B."""
        folders = find_run_dirs(self._identity.directory, self._identity.id, self._config.dir)
        folders = [folder for folder in folders if folder != Path(self._run.dir).parent]
        if history:
            cut = sum(cut_repeated_rows(folder, history) for folder in folders)
            if cut:
                log.info("tracking: %d rows after the checkpoint were cut off W&B's offline files", cut)
        else:
            set_aside(folders)
        # Online, W&B itself is asked for what was uploaded.
        online = self._mode == "online"
        kept = (folder for folder in folders if waits_for_upload(folder) or not (online or is_set_aside(folder)))
        rows = [row for folder in kept for row in read_rows(folder)]
        return Logged(rows, {name: True for row in rows for name in row})

    def log(self, row: dict[str, float], step: int) -> None:
        """Log metrics under "train/", "eval/" or "test/", and an estimate of the cost so far if the price is known.

        Args:
            row: Value of each metric, as transformers names it.
            step: Number of optimizer steps so far.
        """
        self._step = step
        self._best.add(row)
        named = self._earlier.drop_known(rename_metrics(row), step)
        if not named:
            return
        if (usd := self._identity.usd_per_hour) is not None:
            named["cost/usd"] = usd * (time.monotonic() - self._began) / 3600
        self._run.log({**named, STEP: step})

    def log_table(self, table: Table) -> None:
        """Log a table and its bar chart. A table without rows is skipped."""
        if not table.rows or self._earlier.has_table(table.name):
            return
        import wandb

        wandb_table = wandb.Table(columns=list(table.columns), data=list(map(list, table.rows)))
        logged: dict[str, Any] = {table.name: wandb_table}
        if table.bar is not None:
            label, number = table.bar
            logged[f"{table.name}_{number}"] = wandb.plot.bar(wandb_table, label, number, title=f"{number} by {label}")
        self._log_media(logged)

    def log_page(self, page: Page) -> None:
        """Log a page as W&B's HTML panel."""
        if not self._earlier.has_table(page.name):
            import wandb

            self._log_media({page.name: wandb.Html(page.html, inject=False)})

    def _log_media(self, logged: dict[str, Any]) -> None:
        """Log tables and pages. W&B asks its server first, so after an outage they are left to `mlqa sync`."""
        if not self._takes_media:
            return
        try:
            self._run.log({**logged, STEP: self._step})
        except Exception as error:
            if self._mode != "online":
                raise
            self._takes_media = False
            log.warning(
                "tracking: W&B takes no tables now (%s); to add them later: mlqa sync %s",
                summarize_error(error),
                self._identity.directory,
            )

    def finish(self, result: dict[str, Any]) -> None:
        """Write the summary, upload the artifacts if the config asks for it, and close the W&B run.

        If the upload does not finish within `tracking.finish_timeout`, log the command that completes it.

        Args:
            result: Content of result.json, whatever its status.
        """
        completed = result["status"] == "completed"
        try:
            try:
                self._run.summary.update({**self._best.last, **self._best.build_summary(result)})
                if completed and self._config.artifacts:
                    upload_artifacts(
                        self._run,
                        self._identity.directory,
                        result,
                        offline=self._mode != "online",
                        seconds=self._config.finish_timeout,
                    )
            finally:
                close_run(self._run, 0 if completed else 1, self._config.finish_timeout)
                if is_in_container():
                    _remove_links(self._identity.directory / "wandb")
        except TimeoutError:
            log.warning(
                "tracking: the W&B upload did not finish within tracking.finish_timeout=%g seconds; "
                "to complete it: mlqa sync %s",
                self._config.finish_timeout,
                self._identity.directory,
            )
        else:
            self._announce()

    @classmethod
    def read_logged(cls, config: TrackingConfig, identity: RunIdentity) -> Logged | None:
        """Read back what W&B has of a run.

        Args:
            config: The node `tracking`.
            identity: Identity of the run.

        Returns:
            None if W&B does not know the run.

        Raises:
            RunError: There is no W&B key.
            UnreachableError: W&B cannot be asked.
        """
        if not has_key():
            raise RunError(NO_KEY_TO_SYNC)
        return read_run(config, identity)

    def _announce(self) -> None:
        """Log where the run is, or the command that uploads it."""
        if self._mode == "online":
            log.info("W&B: %s", self._run.url)
        elif self._mode == "offline":
            log.info("W&B is offline; to upload this run: mlqa sync %s", self._identity.directory)


def _remove_links(folder: Path) -> None:
    """Remove W&B's links to its debug log, which stays in the container."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            path.unlink()
