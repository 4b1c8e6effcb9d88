"""The end of a multirun, however it ends and whichever launcher and sweeper ran it: billed cost to W&B, the report."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from mlqa.errors import RunError

log = logging.getLogger(__name__)

# Configs of multiruns that have begun and not ended. A launcher that resumes a sweep puts its directory there.
_unreported: list[DictConfig] = []


class ReportSweep(Callback):
    """Hydra callback of conf/config.yaml: a multirun ends with its report."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Remember the sweep, for the case that Hydra does not call `on_multirun_end`."""
        if not config.hydra.launcher.get("dry_run"):
            _unreported.append(config)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Write the report of a multirun whose members all completed."""
        report_ended_sweeps()


def report_ended_sweeps() -> None:
    """Report the multiruns of this process that have ended and have no report yet.

    Hydra calls `on_multirun_end` only if every member completed, so train.py calls this at the end of the process. A
    report that cannot be written is one line in the log, because the members are worth more than their report.
    """
    while _unreported:
        config = _unreported.pop()
        sweep_dir = Path(config.hydra.sweep.dir).absolute()
        if not _has_begun(sweep_dir):
            continue
        try:
            record_sweeper(config, sweep_dir)
            finish_sweep(str(sweep_dir), OmegaConf.select(config, "report.write") is not False)
        except Exception as error:  # also a fault of the report itself must not hide what became of the members
            log.error("the report of %s was not written: %s", sweep_dir, " ".join(str(error).split()) or repr(error))


def record_sweeper(config: DictConfig, sweep_dir: Path) -> None:
    """Record in each result.json that a sweeper has chosen by the scores on the validation split.

    The sweeper that runs every cell of a grid chooses nothing. A member that ran in a job does not know its sweeper.

    Args:
        config: The config of the multirun.
        sweep_dir: Its directory.
    """
    sweeper = OmegaConf.select(config, "hydra.sweeper._target_") or "basic_sweeper"
    if "basic_sweeper" in sweeper:
        return
    from mlqa.result import FILE, read_result, record_selection

    name = str(config.hydra.runtime.choices["hydra/sweeper"])
    is_reported = False
    for path in sorted(sweep_dir.glob(f"*/{FILE}")):
        with contextlib.suppress(RunError):
            if (result := read_result(path.parent)).get("status") == "completed":
                split = result.get("objective_split", "validation")
                record_selection(path.parent, {"split": split, "sweeper": name})
                is_reported = is_reported or result["reported_split"] == split
    if is_reported:
        log.warning(
            "the sweeper %s chose by the questions that are reported, so the best score is a little too high; "
            "to choose by other questions, cut them out of train by dataset.validation_share=0.1",
            name,
        )


def finish_sweep(sweep_dir: str, writes_report: bool = True) -> None:
    """Correct the cost of the sweep's W&B runs, then write <sweep_dir>/report and print the closing table.

    Members that failed, are missing or cannot be read appear in the report as such. An unreachable W&B server is one
    warning.

    Args:
        sweep_dir: Directory of the multirun.
        writes_report: Whether to write the report.

    Raises:
        RunError: If the directory does not exist, holds no run or cannot be written to.
    """
    from mlqa.report.build import write_report
    from mlqa.tracking.billing import correct_cost

    correct_cost(sweep_dir)
    if writes_report:
        write_report([sweep_dir])


def _has_begun(sweep_dir: Path) -> bool:
    """Return whether any member was started: a sweep that was refused has nothing to report."""
    from mlqa.report.manifest import read_manifest
    from mlqa.result import FILE

    if not sweep_dir.is_dir():
        return False
    if any(any(sweep_dir.rglob(name)) for name in (FILE, ".hydra")):
        return True
    return any(state.job_name or state.status for state in read_manifest(sweep_dir).members.values())
