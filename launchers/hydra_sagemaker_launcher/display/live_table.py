"""What a user sees while jobs run: a live table in a terminal, otherwise plain lines."""

from __future__ import annotations

import logging
import queue
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hydra_sagemaker_launcher.jobs.control_loop import Control
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.member import Member, find_distinct_overrides

if TYPE_CHECKING:
    from rich.table import Table

log = logging.getLogger("sagemaker_launcher")

_HEARTBEAT = 300.0  # seconds between two plain lines if nothing happens
_ORDER = (State.ended, State.running, State.unknown, State.waiting, State.finished)


class Display:
    """Takes lines from any thread, and shows them and the table from the main thread."""

    def __init__(self) -> None:
        self._is_immediate = False
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def say(self, line: str) -> None:
        """Queue a line to be shown."""
        if self._is_immediate:
            print(line, file=sys.stderr)
        else:
            self._lines.put(line)

    @contextmanager
    def print_immediately(self) -> Iterator[None]:
        """Print lines as they come within the context, in which a member runs here and has configured its own log."""
        self._is_immediate = True
        try:
            yield
        finally:
            self._is_immediate = False

    def watch(self, control: Control, is_enough: Callable[[], bool] = lambda: False) -> None:
        """Show the jobs until the control loop has ended.

        Args:
            control: The loop.
            is_enough: Whether to return before the loop has ended, asked twice a second.
        """
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        if console.is_terminal:
            with Live(console=console, auto_refresh=False, transient=True) as live:
                over = False
                while not over:
                    over = control.join(0.5) or is_enough()
                    for line in self._pop_lines():
                        live.console.print(line, markup=False, highlight=False)
                    live.update(build_jobs_table(control, console.height - 6), refresh=True)
            return
        last = time.monotonic()
        while not control.join(0.2) and not is_enough():
            if self.flush():
                last = time.monotonic()
            elif time.monotonic() - last > _HEARTBEAT:
                log.info(format_progress(control))
                last = time.monotonic()
        self.flush()

    def flush(self) -> bool:
        """Log the lines that have come in.

        Returns:
            Whether there were any.
        """
        lines = self._pop_lines()
        for line in lines:
            log.info(line)
        return bool(lines)

    def _pop_lines(self) -> list[str]:
        return [self._lines.get() for _ in range(self._lines.qsize())]  # only the main thread takes lines


def build_jobs_table(control: Control, rows: int) -> Table:
    """Build the live table.

    Args:
        control: The loop of the jobs.
        rows: How many jobs to show, at least 3. The active ones come first. The title counts all jobs.
    """
    shown = sorted(control.jobs, key=lambda job: (_ORDER.index(job.state), job.member.number))[: max(rows, 3)]
    table = build_members_table(
        [job.member for job in control.jobs],
        (
            (job.member, _format_state(job), *estimate_job_usage(control, job))
            for job in sorted(shown, key=lambda job: job.member.number)
        ),
        state="state",
        dollars="$ so far",
    )
    table.columns[1].overflow, table.columns[1].no_wrap = "ellipsis", True
    table.title, table.title_justify = format_progress(control), "left"
    if len(shown) < len(control.jobs):
        table.caption = f"and {len(control.jobs) - len(shown)} more"
    return table


def build_members_table(
    members: Sequence[Member],
    rows: Iterable[tuple[Member, str, float | None, float | None]],
    *,
    state: str,
    dollars: str,
) -> Table:
    """Build a table with a row per member.

    Args:
        members: All members of the launch: a row shows the overrides that tell its member from these.
        rows: A member, its state, the seconds it took and the dollars it cost, None if unknown.
        state: The heading of the states.
        dollars: The heading of the dollars.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in ("#", "member", "where", state, "minutes", dollars):
        table.add_column(name, justify="left" if name in ("member", "where", state) else "right")
    distinct = find_distinct_overrides(members)
    for member, status, seconds, usd in rows:
        hardware = member.hardware
        table.add_row(
            str(member.number),
            Text(" ".join(distinct[member.number])),
            "this machine" if hardware is None else hardware.instances,
            status,
            "" if seconds is None else f"{seconds / 60:.1f}",
            "" if usd is None else f"{usd:.2f}",
        )
    return table


def format_progress(control: Control) -> str:
    """Return one line with the number of members in each state, and the dollars so far."""
    counts = {state: sum(1 for job in control.jobs if job.state is state) for state in State}
    parts = [f"{counts[State.finished]} of {len(control.jobs)} finished"]
    parts += [f"{counts[state]} {state.value}" for state in _ORDER[:-1] if counts[state]]
    return ", ".join(parts) + f"; ${estimate_sweep_cost(control):.2f} so far"


def estimate_sweep_cost(control: Control) -> float:
    """Return the dollars billed for ended jobs, plus an estimate for the running ones."""
    running = (estimate_job_usage(control, job)[1] for job in control.list_running_jobs())
    return control.get_billed_usd() + sum(usd for usd in running if usd is not None)


def estimate_job_usage(control: Control, job: Job) -> tuple[float | None, float | None]:
    """Return the seconds and the dollars of a job: as billed if it has finished, otherwise by the clock.

    Returns:
        Seconds, None before the job has begun, and dollars, None if the price is also unknown.
    """
    if job.outcome is not None:
        return job.outcome.seconds, job.outcome.usd
    return job.estimate_usage(control.clock.get_time())


def _format_state(job: Job) -> str:
    if job.outcome is not None:
        return job.outcome.status
    return job.phase or job.state.value if job.state is State.running else job.state.value
