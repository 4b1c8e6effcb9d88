"""What is done at the end of a multirun, however it ended: `hydra.launcher.on_sweep_end` names it."""

from __future__ import annotations


def finish_sweep(sweep_dir: str) -> None:
    """Tells W&B what the jobs have cost in the end, and writes the report.

    Raises RunError where the directory is missing or cannot be written; no member and no W&B makes it raise.
    """
    from mlqa import report
    from mlqa.tracking.billing import correct_cost

    correct_cost(sweep_dir)
    report.write(sweep_dir)
