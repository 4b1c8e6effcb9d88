"""Ctrl-C and SIGTERM: what they do to a launch, and to its jobs."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.display.live_table import Display
    from hydra_sagemaker_launcher.jobs.control_loop import Control
    from hydra_sagemaker_launcher.jobs.job import Job

log = logging.getLogger("sagemaker_launcher")

_JOIN_INTERVAL = 0.5  # seconds between two updates of the terminal while jobs are being stopped


@contextmanager
def interrupt_on_sigterm() -> Iterator[list[int]]:
    """Turn SIGTERM into KeyboardInterrupt within the context.

    Signals belong to the main thread. In another thread nothing changes.

    Yields:
        The signals received so far, empty if there was only Ctrl-C.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def handle(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def get_exit_code(interrupt: KeyboardInterrupt, received: list[int]) -> int:
    """Return 128 + the signal's number.

    Args:
        interrupt: The interrupt. A task function with its own handler raises a subclass named Terminated for SIGTERM.
        received: The signals that `interrupt_on_sigterm` received.
    """
    return 143 if received or type(interrupt).__name__ == "Terminated" else 130


def stop_or_detach_jobs(
    control: Control,
    display: Display,
    on_interrupt: str,
    resume_hint: str,
    warn_of_left_jobs: Callable[[Sequence[Job]], None],
) -> None:
    """Announce what happens to the jobs after Ctrl-C, and do it. A second Ctrl-C does not wait for the jobs to end.

    Args:
        control: The loop of the jobs.
        display: Shows their lines.
        on_interrupt: stop, or detach to leave the jobs running.
        resume_hint: How to resume the sweep.
        warn_of_left_jobs: Names the jobs that run on, with their prices.
    """
    try:
        running = len(control.list_running_jobs())
        if on_interrupt == "detach":
            control.detach()
            control.start()  # in a rehearsal it may not have been started
            log.warning("Ctrl-C: leaving; %d jobs run on and cost money: %s", running, resume_hint)
            warn_of_left_jobs(control.jobs)
            control.join(_JOIN_INTERVAL)
            return
        control.stop("Ctrl-C")  # before anything else, so that nothing more is submitted
        control.start()
        log.warning(
            "Ctrl-C: submitting no more, stopping %d jobs; this takes some minutes, Ctrl-C again does not wait", running
        )
        while not control.join(_JOIN_INTERVAL):
            display.flush()
    except KeyboardInterrupt:
        control.detach()
        warn_of_left_jobs([job for job in control.jobs if not job.stop_asked])
        log.warning("leaving at once; %s", resume_hint)
