"""`hydra-sagemaker status`: how far the members of a sweep are, and what they have cost so far."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hydra_sagemaker_launcher.commands.arguments import add_sweep_arguments

if TYPE_CHECKING:
    from rich.table import Table

    from hydra_sagemaker_launcher.attached.member import MemberView
    from hydra_sagemaker_launcher.attached.sweep import AttachedSweep

EXAMPLE = """examples:
  hydra-sagemaker status multirun/2026-11-28/10-00-00
  hydra-sagemaker status multirun/2026-11-28/10-00-00 --json"""

_MEMBER_WIDTH, _LAST_WIDTH = 6, 18  # columns in a narrow terminal: a heading, and a name with a number
_MAX_LAST_LINES = 20  # running jobs whose last line is read: each takes two calls to CloudWatch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add_sweep_arguments(parser, with_members="only these members")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def run(args: argparse.Namespace) -> None:
    """Run the command with its parsed arguments."""
    from hydra_sagemaker_launcher.attached.sweep import AttachedSweep

    sweep = AttachedSweep(args.sweep_dir, args.profile)
    members = sweep.describe_members(args.member)
    if args.json:
        print(json.dumps(_build_json(sweep, members), indent=1))
    else:
        _print_table(sweep, members)


def _build_json(sweep: AttachedSweep, members: list[MemberView]) -> dict[str, Any]:
    return {
        **{name: sweep.manifest.sweep.get(name) for name in ("sweep_id", "service", "region", "bucket", "prefix")},
        "driver": sweep.driver,
        "members": [
            {
                "number": member.number,
                "overrides": member.record.overrides,
                "state": member.state,
                "reason": member.record.reason,
                "job_name": member.record.job_name,
                "instance_type": member.instance_type or None,
                "instance_count": None if member.is_here else member.instance_count,
                "seconds": member.compute_seconds(),
                "usd": member.compute_usd(),
                "usd_per_hour": member.usd_per_hour if member.is_running else None,
                "last": member.find_last_metric() or None,
            }
            for member in members
        ],
    }


def _print_table(sweep: AttachedSweep, members: list[MemberView]) -> None:
    from rich.console import Console

    console = Console()
    console.print(build_table(members, _read_last_lines(sweep, members), console.width))
    for line in _list_notes(sweep, members):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def build_table(members: Sequence[MemberView], last_lines: Mapping[int, str], width: int) -> Table:
    """Build a table with a row per member.

    Args:
        members: The members.
        last_lines: The last log lines of those that have no metric, by number.
        width: The columns of the terminal. What is last said in each row is cut to fit, and everything else is kept.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in ("#", "member", "where", "state", "minutes", "$ so far", "last"):
        justify: Any = "right" if heading in ("#", "minutes", "$ so far") else "left"
        table.add_column(heading, justify=justify, overflow="ellipsis" if heading == "last" else "fold",
                         no_wrap=heading != "member")  # fmt: skip
    table.columns[1].min_width = _MEMBER_WIDTH
    last = table.columns[-1]
    last.max_width = 0
    for member in members:
        seconds, usd = member.compute_seconds(), member.compute_usd()
        is_bad = member.record.status in ("failed", "stopped") and member.record.reason
        table.add_row(
            str(member.number),
            Text(member.label),
            member.instances,
            member.state,
            "" if seconds is None else f"{seconds / 60:.1f}",
            "" if usd is None else f"{usd:.2f}",
            Text(
                member.record.reason or "" if is_bad else member.find_last_metric() or last_lines.get(member.number, "")
            ),
        )
    others = Console(width=10_000).measure(table).maximum  # of an empty last column
    folded = max((len(member.label) - _MEMBER_WIDTH for member in members), default=0)  # what folding members saves
    last.max_width = max(4, width - others, min(_LAST_WIDTH, width - others + max(0, folded)))
    return table


def _read_last_lines(sweep: AttachedSweep, members: list[MemberView]) -> dict[int, str]:
    """Return the last log line of running members without a metric, by number. Nothing if it cannot be read."""
    from hydra_sagemaker_launcher.attached.logs import read_last_line
    from hydra_sagemaker_launcher.errors import LaunchError

    wanted = [member for member in members if member.is_running and not member.find_last_metric()][:_MAX_LAST_LINES]
    if not wanted or sweep.aws is None:
        return {}
    logs = sweep.aws.logs
    try:
        lines = sweep.ask_each(lambda member: read_last_line(logs, str(member.record.job_name)), wanted)
    except LaunchError:  # a missing right to read logs must not hide the rest
        return {}
    return {member.number: line for member, line in zip(wanted, lines, strict=True)}


def _list_notes(sweep: AttachedSweep, members: list[MemberView]) -> list[str]:
    counts = Counter(member.state for member in members)
    running = [member for member in members if member.is_running]
    spent = sum(member.compute_usd() or 0.0 for member in members)
    notes = [f"{', '.join(f'{count} {state}' for state, count in counts.items())}; ${spent:.2f} so far"]
    if sweep.is_rehearsal:
        notes[0] += " on AWS; this is a rehearsal, and free"
    rates = [member.usd_per_hour for member in running]
    if running and None not in rates:
        jobs = "1 running job costs" if len(running) == 1 else f"{len(running)} running jobs cost"
        notes.append(f"{jobs} ${sum(rate or 0.0 for rate in rates):.2f} an hour")
    if sweep.aws is None and any(member.is_open for member in members):
        notes.append("the rehearsal service of this sweep has ended, and its jobs with it")
    if driver := sweep.driver:
        notes.append(f"{driver} drives this sweep")
    elif any(member.record.status is None for member in members):
        notes.append(f"nothing drives this sweep; to go on: {sweep.format_command('resume')}")
    if running:
        notes.append(f"{sweep.format_command('logs', '-f')} follows their output")
        notes.append(f"{sweep.format_command('stop')} stops them")
    return notes
