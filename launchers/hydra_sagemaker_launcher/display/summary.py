"""What a launch ends with: the summary, every failure, and the app's own report."""

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
    from hydra_sagemaker_launcher.manifest import Manifest

log = logging.getLogger("sagemaker_launcher")

# What is said of a job without an outcome, by its state.
_LEFT = {
    "waiting": "not submitted",
    "unknown": "may be running",
    "running": "left running",
    "ended": "ended, not fetched",
    "finished": "finished",
}


def print_summary(
    members: Sequence[Member],
    returns: Mapping[int, JobReturn],
    jobs: Sequence[Job],
    manifest: Manifest,
    aws: Aws,
    is_rehearsal: bool,
) -> None:
    """Print a row per member and the dollars of the sweep, and log each failed job with its reason and link.

    Args:
        members: All members of the launch.
        returns: The results of those that have run here, by number.
        jobs: The jobs of the others.
        manifest: What earlier launches have cost, and which members had begun here.
        aws: Makes the links to the console.
        is_rehearsal: Whether the dollars are only what AWS would have billed.
    """
    from rich.console import Console

    from hydra_sagemaker_launcher.display.live_table import build_members_table

    by_number = {job.member.number: job for job in jobs}
    rows: list[tuple[Member, str, float | None, float | None]] = []
    for member in members:
        job, returned = by_number.get(member.number), returns.get(member.number)
        if job is not None and job.outcome is not None:
            rows.append((member, job.outcome.status, job.outcome.seconds, job.outcome.usd))
        else:
            not_ended = "interrupted" if manifest.get_record(member.number).config_sha256 else "not run"
            here = returned.status.name.lower() if returned else not_ended
            rows.append((member, here if job is None else _LEFT[job.state.name], None, None))
    console = Console(stderr=True)
    console.print(build_members_table(members, rows, state="ended", dollars="$"))
    note = " on AWS; this was a rehearsal, and free" if is_rehearsal else ""
    console.print(f"billed for this sweep: ${manifest.sum_billed_usd():.2f}{note}", highlight=False)
    for job in jobs:
        if job.outcome is not None and job.outcome.refused:
            log.warning(
                "#%d: a part of its output was not fetched: %s; resume to fetch it again, which starts no new job",
                job.member.number, job.outcome.refused,
            )  # fmt: skip
        if job.outcome is not None and job.outcome.status != "completed":
            link = f"; {aws.get_console_link(job.name)}" if job.name else ""
            log.error("#%d %s: %s%s", job.member.number, job.outcome.status, job.outcome.reason, link)


def call_on_sweep_end(dotted: str, sweep_dir: Path) -> None:
    """Call the app's function with the sweep's directory. An error in it is only logged, so that no result is lost.

    Args:
        dotted: The dotted name of the function.
        sweep_dir: Its argument, passed as a string.
    """
    from hydra.utils import get_method

    try:
        get_method(dotted)(str(sweep_dir))
    except (Exception, SystemExit) as error:
        log.error("hydra.launcher.on_sweep_end=%s: %s", dotted, " ".join(str(error).split()) or type(error).__name__)
