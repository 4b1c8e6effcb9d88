"""The hook that runs when a sweep ends, however it ends. `hydra.launcher.on_sweep_end` names it."""

from __future__ import annotations


def finish_sweep(sweep_dir: str) -> None:
    """Correct the cost of the sweep's W&B runs, then write <sweep_dir>/report and print the closing table.

    Members that failed, are missing or cannot be read appear in the report as such. An unreachable W&B server is one
    warning.

    Args:
        sweep_dir: Directory of the multirun.

    Raises:
        RunError: If the directory does not exist, holds no run or cannot be written to.
    """
    from mlqa.report.build import write_report
    from mlqa.tracking.billing import correct_cost

    correct_cost(sweep_dir)
    write_report([sweep_dir])
