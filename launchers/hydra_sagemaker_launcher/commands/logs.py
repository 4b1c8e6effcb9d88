"""`hydra-sagemaker logs`: what the jobs of a sweep print, each line after its member, until they end if asked."""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from hydra_sagemaker_launcher.commands.arguments import add_sweep_arguments

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.attached.logs import JobLog, Line
    from hydra_sagemaker_launcher.attached.member import MemberView
    from hydra_sagemaker_launcher.attached.sweep import AttachedSweep

EXAMPLE = """examples:
  hydra-sagemaker logs multirun/2026-11-28/10-00-00 -f
  hydra-sagemaker logs multirun/2026-11-28/10-00-00 --member 3 --tail 50"""

_COLORS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # of a terminal, as docker compose uses them
_LABEL_LENGTH = 28
_SETTLED_SECONDS = 4.0  # CloudWatch shows the last lines of a job some seconds after its end


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add_sweep_arguments(parser, with_members="only these members")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the jobs have ended")
    parser.add_argument("--tail", type=int, metavar="N", help="begin with the last N lines of each host (default: all)")
    parser.add_argument("--interval", type=float, default=2.0, metavar="SECONDS", help="between two looks (default: 2)")


def run(args: argparse.Namespace) -> None:
    """Run the command with its parsed arguments."""
    from hydra_sagemaker_launcher.attached.sweep import AttachedSweep
    from hydra_sagemaker_launcher.errors import LaunchError

    if args.interval <= 0 or (args.tail is not None and args.tail < 0):
        raise LaunchError("--interval, --tail: give an interval above 0 and a number of lines from 0")
    sweep = AttachedSweep(args.sweep_dir, args.profile)
    members = sweep.list_members(args.member)
    if sweep.aws is None:
        _print_saved_logs(sweep, members)
        return
    try:
        _print_logs(sweep, args)
    except LaunchError:
        if not _has_rehearsal_ended(sweep, args):
            raise
        command = sweep.format_command("logs")
        print(f"the rehearsal has ended with its sweep; the last lines of each member: {command}", file=sys.stderr)


def _print_saved_logs(sweep: AttachedSweep, members: list[MemberView]) -> None:
    """Print what fetched members have kept of their logs: the stand-in, and with it CloudWatch, has ended."""
    from hydra_sagemaker_launcher.attached.logs import Line
    from hydra_sagemaker_launcher.errors import LaunchError
    from hydra_sagemaker_launcher.jobs.outcome import LOG_TAIL

    saved = [(member, member.directory / LOG_TAIL) for member in members]
    if not any(path.is_file() for _, path in saved):
        raise LaunchError(
            f"{sweep.path}: no member of this sweep has a log: none ran as a job, or the service has ended"
        )
    for member, path in saved:
        if path.is_file():
            _print_lines([Line(0, member.number, "", text) for text in path.read_text("utf-8").splitlines()], members)


def _print_logs(sweep: AttachedSweep, args: argparse.Namespace) -> None:
    from hydra_sagemaker_launcher.attached.logs import JobLog, collect_new_lines

    assert sweep.aws is not None
    logs, by_job = sweep.aws.logs, dict[str, JobLog]()
    quiet_since: dict[str, float] = {}  # by job, since its end or its last line, whichever is later
    while True:
        members = sweep.list_members(args.member)
        names = {member.record.job_name: member.number for member in members if member.record.job_name is not None}
        for name, number in names.items():
            by_job.setdefault(name, JobLog(number, name, args.tail))
        in_progress = sweep.ask(sweep.jobs.list_in_progress) if args.follow else set()
        now = time.monotonic()
        open_logs = [each for name, each in by_job.items() if now - quiet_since.get(name, now) < _SETTLED_SECONDS]
        lines = sweep.ask(partial(collect_new_lines, logs, open_logs))
        _print_lines(lines, members)
        talking = in_progress | {each.job_name for each in open_logs if _has_line(each, lines)}
        quiet_since = {name: quiet_since.get(name, now) for name in by_job if name not in talking}
        if not args.follow or (not open_logs and _is_over(sweep, members, in_progress)):
            return
        time.sleep(args.interval)
        sweep.refresh()


def _has_line(job_log: JobLog, lines: list[Line]) -> bool:
    return any(line.member == job_log.member for line in lines)


def _is_over(sweep: AttachedSweep, members: list[MemberView], in_progress: set[str]) -> bool:
    """Return whether no job of these members runs, and no process will submit another one."""
    if any(member.record.job_name in in_progress for member in members):
        return False
    return sweep.driver is None or all(member.record.status is not None for member in members)


def _has_rehearsal_ended(sweep: AttachedSweep, args: argparse.Namespace) -> bool:
    """Return whether the service cannot be asked because its sweep is over: a stand-in ends with it."""
    sweep.refresh()
    return sweep.is_rehearsal and all(member.record.status is not None for member in sweep.list_members(args.member))


def _print_lines(lines: list[Line], members: list[MemberView]) -> None:
    labels = {member.number: f"#{member.number} {member.label}".strip()[:_LABEL_LENGTH] for member in members}
    width = max(map(len, labels.values()), default=0)
    has_color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in lines:
        prefix = f"{labels[line.member]:{width}} {line.host + ' ' if line.host else ''}|"
        if has_color:
            prefix = f"\x1b[{_COLORS[line.member % len(_COLORS)]}m{prefix}\x1b[0m"
        print(prefix, line.text.encode("utf-8", "replace").decode())
    sys.stdout.flush()
