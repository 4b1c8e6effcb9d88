"""The end of a launch, whatever it was: the table, every failure, and the app's own report."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.utils import JobReturn

from hydra_sagemaker_launcher.member import Member

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.aws.session import Aws
    from hydra_sagemaker_launcher.jobs.job import Job

log = logging.getLogger("sagemaker_launcher")


def show(
    members: Sequence[Member],
    returns: Mapping[int, JobReturn],
    jobs: Sequence[Job],
    billed_usd: float,
    aws: Aws,
    rehearsal: bool,
) -> None:
    """Prints a row a member, the dollars of the sweep, and each failure with its reason and link."""
    from rich.console import Console

    from hydra_sagemaker_launcher.display.live_table import build_summary_table

    by_number = {job.member.number: job for job in jobs}
    rows = []
    for member in members:
        job = by_number.get(member.number)
        outcome = job.outcome if job is not None else None
        if outcome is not None:
            rows.append((member, outcome.status, outcome.reason, outcome.seconds, outcome.usd))
        else:
            returned = returns.get(member.number)
            status = "left running" if job is not None else returned.status.name.lower() if returned else "not run"
            rows.append((member, status, None, None, None))
    console = Console(stderr=True)
    console.print(build_summary_table(rows))
    note = " on AWS; this was a rehearsal, and free" if rehearsal else ""
    console.print(f"billed for this sweep: ${billed_usd:.2f}{note}", highlight=False)
    for job in jobs:
        if job.outcome is not None and job.outcome.status != "completed":
            link = f"; {aws.get_console_link(job.name)}" if job.name else ""
            log.error("#%d %s: %s%s", job.member.number, job.outcome.status, job.outcome.reason, link)


def call_on_sweep_end(dotted: str, sweep_dir: Path) -> None:
    """Calls the app's function with the sweep's directory; what it raises is logged: a report is worth no result."""
    from hydra.utils import get_method

    try:
        get_method(dotted)(str(sweep_dir))
    except (Exception, SystemExit) as error:
        log.error("hydra.launcher.on_sweep_end=%s: %s", dotted, " ".join(str(error).split()) or type(error).__name__)
