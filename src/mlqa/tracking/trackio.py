"""Track a run in trackio, which keeps it on this machine. trackio is imported only when a tracker is created."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlqa.config.schema import TrackingConfig
from mlqa.errors import RunError
from mlqa.tracking.names import STEP, BestScores, rename_metrics
from mlqa.tracking.protocol import Logged, Page, RunIdentity, Table, Tracker

log = logging.getLogger(__name__)

PROJECT = "mlqa"
SUMMARY = "summary"  # the table of what trackio has no place for: it shows metrics by step only
INSTALL = "tracking=trackio needs trackio: pip install 'mlqa[trackio]'"


class TrackioTracker(Tracker):
    """A trackio run. A resumed run keeps its name. docs/wandb.md lists what is logged, as for W&B."""

    def __init__(self, config: TrackingConfig, identity: RunIdentity) -> None:
        trackio = _import_trackio(config)
        self._best = BestScores()
        self._step = 0
        self._project = config.project or PROJECT
        described = {"tags": list(identity.tags), "notes": identity.notes, "commit": identity.commit}
        with _silence():
            self._run = trackio.init(
                project=self._project,
                name=_name_run(identity),
                group=identity.group,
                config={**identity.config, **{key: value for key, value in described.items() if value}},
                resume="allow",
                embed=False,
            )
        self._show = _build_show_command(config, self._project)
        self.place: dict[str, Any] = {"trackio": {"project": self._project, "name": self._run.name, "show": self._show}}
        self._announce()

    def start(self, history: Path | None) -> None:
        """Restore the best scores of the earlier steps, or remove what an attempt without a checkpoint logged.

        Args:
            history: The history.jsonl of the earlier steps if training resumes from a checkpoint, else None.
        """
        self._best.restore(history)
        if history is None:
            from trackio.sqlite_storage import SQLiteStorage

            SQLiteStorage.delete_run(self._project, self._run.name, run_id=self._run.id)

    def log(self, row: dict[str, float], step: int) -> None:
        """Log metrics under the names that W&B shows.

        Args:
            row: Value of each metric, as transformers names it.
            step: Number of optimizer steps so far.
        """
        self._step = step
        self._best.add(row)
        self._run.log(rename_metrics(row), step=step)

    def log_table(self, table: Table) -> None:
        """Log a table. trackio draws no bar charts of one. A table without rows is skipped."""
        if table.rows:
            import trackio

            rows = trackio.Table(columns=list(table.columns), data=[list(row) for row in table.rows])
            self._run.log({table.name: rows}, step=self._step)

    def log_page(self, page: Page) -> None:
        """Log a page."""
        import trackio

        self._run.log({page.name: trackio.Html(page.html)}, step=self._step)

    def finish(self, result: dict[str, Any]) -> None:
        """Log the summary, its numbers as metrics of the last step and all of it as a table, and close the run.

        Args:
            result: Content of result.json, whatever its status.
        """
        try:
            summary = self._best.build_summary(result)
            numbers = {name: value for name, value in summary.items() if _is_number(value)}
            self._run.log(numbers, step=self._step)
            self.log_table(Table(SUMMARY, ("name", "value"), [*_flatten(summary)]))
        finally:
            import trackio

            with _silence():
                trackio.finish()
        self._announce()

    @classmethod
    def read_logged(cls, config: TrackingConfig, identity: RunIdentity) -> Logged | None:
        """Read back what trackio has of a run on this machine.

        Args:
            config: The node `tracking`.
            identity: Identity of the run.

        Returns:
            None if trackio does not know the run.

        Raises:
            RunError: trackio is not installed.
        """
        _import_trackio(config)
        from trackio.sqlite_storage import SQLiteStorage

        project, name = config.project or PROJECT, _name_run(identity)
        rows = SQLiteStorage.get_logs(project, name)
        if not rows:
            return None
        return Logged(
            [{**row, STEP: row["step"]} for row in rows],
            {name: value for row in rows for name, value in row.items() if name not in ("step", "timestamp")},
            {"trackio": {"project": project, "name": name, "show": _build_show_command(config, project)}},
        )

    def _announce(self) -> None:
        log.info("trackio: to see this run: %s", self._show)


def _import_trackio(config: TrackingConfig) -> Any:
    """Import trackio, which looks once where it keeps its files.

    Raises:
        RunError: It is not installed, or this process has used it for another folder.
    """
    if config.dir:
        os.environ["TRACKIO_DIR"] = str(Path(config.dir).expanduser().absolute())
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import trackio
        from trackio.utils import TRACKIO_DIR
    except ImportError:
        raise RunError(INSTALL) from None
    if config.dir and Path(os.environ["TRACKIO_DIR"]) != Path(TRACKIO_DIR).absolute():
        raise RunError(f"tracking.dir={config.dir}: this process keeps trackio's files in {TRACKIO_DIR} already")
    return trackio


def _name_run(identity: RunIdentity) -> str:
    """Return the readable name with what tells the run from every other one, because trackio resumes by name."""
    return f"{identity.name or identity.id} ({hashlib.sha256(identity.id.encode()).hexdigest()[:6]})"


def _build_show_command(config: TrackingConfig, project: str) -> str:
    folder = config.dir or os.environ.get("TRACKIO_DIR")
    place = f"TRACKIO_DIR={shlex.quote(str(Path(folder).expanduser().absolute()))} " if folder else ""
    return f"{place}trackio show --project {shlex.quote(project)}"


def _flatten(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each value of nested results as text, by its path with slashes."""
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", f"{value:.6g}" if isinstance(value, float) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what trackio prints off stdout, which is for results."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
