"""What a user sees while jobs run: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import queue
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hydra_sagemaker_launcher.jobs.control_loop import Control, Job, State
from hydra_sagemaker_launcher.member import find_distinct_overrides

if TYPE_CHECKING:
    from rich.table import Table

log = logging.getLogger("sagemaker_launcher")

_HEARTBEAT = 300.0  # seconds between two plain lines on a sweep in which nothing happens
_ORDER = (State.ended, State.running, State.unknown, State.waiting, State.finished)


class Display:
    """Takes lines from any thread and shows them, and the table, from the main one."""

    def __init__(self) -> None:
        self._beside = False
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def say(self, line: str) -> None:
        if self._beside:
            print(line, file=sys.stderr)
        else:
            self._lines.put(line)

    @contextmanager
    def print_immediately(self) -> Iterator[None]:
        """Within, a member runs in this process and logging is its own: lines are printed as they come."""
        self._beside = True
        try:
            yield
        finally:
            self._beside = False

    def watch(self, control: Control) -> None:
        """Shows the jobs until the control loop has ended."""
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        if console.is_terminal:
            with Live(console=console, auto_refresh=False, transient=True) as live:
                over = False
                while not over:
                    over = control.join(0.5)
                    for line in self._pop_lines():
                        live.console.print(line, markup=False, highlight=False)
                    live.update(build_jobs_table(control, console.height - 6), refresh=True)
            return
        last = time.monotonic()
        while not control.join(0.2):
            if self.flush():
                last = time.monotonic()
            elif time.monotonic() - last > _HEARTBEAT:
                log.info(format_progress(control))
                last = time.monotonic()
        self.flush()

    def flush(self) -> bool:
        """Logs the lines that have come in; whether there were any."""
        lines = self._pop_lines()
        for line in lines:
            log.info(line)
        return bool(lines)

    def _pop_lines(self) -> list[str]:
        lines = []
        while True:
            try:
                lines.append(self._lines.get_nowait())
            except queue.Empty:
                return lines


def build_jobs_table(control: Control, rows: int) -> Table:
    """At most so many jobs, those that something happens to first; the title counts all of them."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=format_progress(control), title_justify="left")
    for name, justify in (("#", "right"), ("member", "left"), ("where", "left"), ("state", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("minutes", justify="right")
    table.add_column("$ so far", justify="right")
    shown = sorted(control.jobs, key=lambda job: (_ORDER.index(job.state), job.member.number))[: max(rows, 3)]
    words = find_distinct_overrides([job.member for job in control.jobs])
    for job in sorted(shown, key=lambda job: job.member.number):
        seconds, usd = estimate_job_usage(control, job)
        table.add_row(
            str(job.member.number),
            Text(" ".join(words[job.member.number]), overflow="ellipsis", no_wrap=True),
            _format_hardware(job),
            _format_state(job),
            "" if seconds is None else f"{seconds / 60:.1f}",
            "" if usd is None else f"{usd:.2f}",
        )
    if len(shown) < len(control.jobs):
        table.caption = f"and {len(control.jobs) - len(shown)} more"
    return table


def format_progress(control: Control) -> str:
    """One line: how many members are where, and the dollars so far."""
    counts = {state: sum(1 for job in control.jobs if job.state is state) for state in State}
    parts = [f"{counts[State.finished]} of {len(control.jobs)} through"]
    parts += [f"{counts[state]} {state.value}" for state in _ORDER[:-1] if counts[state]]
    return ", ".join(parts) + f"; ${estimate_sweep_cost(control):.2f} so far"


def estimate_sweep_cost(control: Control) -> float:
    """Billed for what has ended, and estimated by the clock for what runs."""
    running = (estimate_job_usage(control, job)[1] for job in control.list_running_jobs())
    return control.get_billed_usd() + sum(usd for usd in running if usd is not None)


def estimate_job_usage(control: Control, job: Job) -> tuple[float | None, float | None]:
    """(seconds, dollars) of a job: billed where it has ended, by the clock where it runs."""
    if job.outcome is not None:
        return job.outcome.seconds, job.outcome.usd
    if job.began is None:
        return None, None
    seconds = control.clock.get_time() - job.began
    hardware = job.member.hardware
    if job.price is None or hardware is None:
        return seconds, None
    return seconds, seconds * hardware.instance_count * job.price.usd_per_hour / 3600


def build_summary_table(members: Sequence[tuple[Any, str, str | None, float | None, float | None]]) -> Table:
    """The end of a launch: (member, status, reason, seconds, dollars) each."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name, justify in (("#", "right"), ("member", "left"), ("where", "left"), ("ended", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("minutes", justify="right")
    table.add_column("$", justify="right")
    words = find_distinct_overrides([row[0] for row in members])
    for member, status, _, seconds, usd in members:
        hardware = member.hardware
        table.add_row(
            str(member.number),
            Text(" ".join(words[member.number])),
            "this machine" if hardware is None else f"{hardware.instance_count} x {hardware.instance_type}",
            status,
            "" if seconds is None else f"{seconds / 60:.1f}",
            "" if usd is None else f"{usd:.2f}",
        )
    return table


def _format_hardware(job: Job) -> str:
    hardware = job.member.hardware
    return "" if hardware is None else f"{hardware.instance_count} x {hardware.instance_type}"


def _format_state(job: Job) -> str:
    if job.outcome is not None:
        return job.outcome.status
    return job.phase or job.state.value if job.state is State.running else job.state.value
