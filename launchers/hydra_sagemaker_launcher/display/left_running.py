"""Describe the jobs that a launch leaves running: each costs money until it ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.launch_record import format_command


def describe_left_jobs(jobs: Sequence[Job], sweep_dir: Path) -> list[str]:
    """Describe the jobs that run on SageMaker or may run there.

    Args:
        jobs: The jobs of the launch.
        sweep_dir: The directory of their sweep.

    Returns:
        A line for each, with its price and the command that stops it, and a line with the price of all.
    """
    left = [job for job in jobs if job.state in (State.running, State.unknown)]
    lines = [
        f"#{job.member.number} {'runs on' if job.state is State.running else 'may run on'}{_format_rate(job)}; to stop "
        f"it: {format_command('stop', sweep_dir, '--member', str(job.member.number))}"
        for job in left
    ]
    if len(left) > 1 and all(job.price is not None for job in left):
        lines.append(f"these {len(left)} jobs cost ${sum(_get_usd_per_hour(job) for job in left):.2f} an hour")
    return lines


def _get_usd_per_hour(job: Job) -> float:
    return 0.0 if job.price is None else job.price.usd_per_hour * job.member.job_hardware.instance_count


def _format_rate(job: Job) -> str:
    return "" if job.price is None else f" at ${_get_usd_per_hour(job):.2f} an hour"
