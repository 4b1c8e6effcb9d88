"""`hydra-sagemaker costs`: every job that a sweep has had, what was billed for it, and by whose price."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hydra_sagemaker_launcher.commands.arguments import add_sweep_arguments

if TYPE_CHECKING:
    from rich.table import Table

    from hydra_sagemaker_launcher.attached.sweep import AttachedSweep

EXAMPLE = """examples:
  hydra-sagemaker costs multirun/2026-11-28/10-00-00
  hydra-sagemaker costs multirun/2026-11-28/10-00-00 --json"""


@dataclass
class Attempt:
    """One job of a member, and what it has cost. Unknown values are None."""

    member: int
    attempt: int
    job_name: str
    status: str
    instances: str
    billed_seconds: float | None = None
    usd: float | None = None
    warm_pool_usd: float | None = None  # at most
    price_source: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add_sweep_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def run(args: argparse.Namespace) -> None:
    """Run the command with its parsed arguments."""
    from hydra_sagemaker_launcher.attached.sweep import AttachedSweep

    sweep = AttachedSweep(args.sweep_dir, args.profile)
    attempts = collect_attempts(sweep)
    total = {
        "billed_seconds": sum(each.billed_seconds or 0.0 for each in attempts),
        "usd": round(sum(each.usd or 0.0 for each in attempts), 4),
        "warm_pool_usd": round(sum(each.warm_pool_usd or 0.0 for each in attempts), 4),
    }
    if args.json:
        print(json.dumps({"attempts": [asdict(each) for each in attempts], "total": total}, indent=1))
    else:
        _print_table(attempts, total, sweep.is_rehearsal)


def collect_attempts(sweep: AttachedSweep) -> list[Attempt]:
    """Return every job of a sweep: as recorded if it has ended, otherwise as the service says and by the clock.

    Raises:
        LaunchError: A job has no recorded end, and the service cannot be asked.
    """
    from hydra_sagemaker_launcher.events import read_events

    by_name: dict[str, Attempt] = {}
    latest: dict[int, str] = {}
    for event in read_events(sweep.manifest.path, may_repair=False):
        number, name = int(event.get("member", -1)), str(event.get("job_name"))
        if event["event"] == "submitting" and name not in by_name:
            earlier = sum(each.member == number for each in by_name.values())
            by_name[name] = Attempt(number, earlier + 1, name, "unknown", "")
            latest[number] = name
        elif event["event"] == "refused":  # the job does not exist
            by_name.pop(latest.get(number, ""), None)
        elif event["event"] == "ended" and name in by_name:
            _record_end(by_name[name], event)
    for member in sweep.describe_members():
        attempt = by_name.get(member.record.job_name or "")
        if attempt is None or member.record.job_status is not None:
            continue
        attempt.status, attempt.instances = member.state, member.instances
        usd, price = member.compute_usd(), member.price
        attempt.billed_seconds = member.compute_seconds()
        attempt.usd = None if usd is None else round(usd - member.record.billed_usd, 4)
        attempt.price_source = price.source if price else None
    return sorted(by_name.values(), key=lambda each: (each.member, each.attempt))


def _record_end(attempt: Attempt, event: dict[str, Any]) -> None:
    count = event.get("instance_count", 1)
    attempt.status = event["job_status"]
    attempt.instances = f"{count} x {event.get('instance_type', '?')}" if count > 1 else event.get("instance_type", "")
    attempt.billed_seconds, attempt.usd = event.get("seconds"), event.get("usd")
    attempt.warm_pool_usd, attempt.price_source = event.get("warm_pool_usd") or None, event.get("price_source")


def _print_table(attempts: list[Attempt], total: dict[str, float], is_rehearsal: bool) -> None:
    from rich.console import Console

    sources = list(dict.fromkeys(each.price_source for each in attempts if each.price_source))
    table = build_table(attempts, total, with_sources=len(sources) > 1)
    console = Console()
    console.print(table)
    if total["warm_pool_usd"]:
        console.print("warm pool $: if each pool waited to its end; a next job may have taken it over", highlight=False)
    if len(sources) == 1:
        console.print(f"price by: {sources[0]}", highlight=False)
    if is_rehearsal:
        console.print("on AWS; this was a rehearsal, and free", highlight=False)


def build_table(attempts: Sequence[Attempt], total: Mapping[str, float], with_sources: bool) -> Table:
    """Build a table with a row per job. Only names of jobs and sources of prices are folded in a narrow terminal.

    Args:
        attempts: The jobs.
        total: Their sums, by the names of the attributes.
        with_sources: Whether a column says whose price each job has.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = [
        {
            "#": str(each.member),
            "attempt": str(each.attempt),
            "job": each.job_name,
            "status": each.status,
            "instances": each.instances,
            "billed s": "" if each.billed_seconds is None else f"{each.billed_seconds:.0f}",
            "$": "" if each.usd is None else f"{each.usd:.4f}",
            "warm pool $": "" if each.warm_pool_usd is None else f"{each.warm_pool_usd:.4f}",
            "price by": each.price_source or "",
        }
        for each in attempts
    ]
    sums = {
        "job": f"{len(attempts)} jobs" if len(attempts) != 1 else "1 job",
        "billed s": f"{total['billed_seconds']:.0f}",
        "$": f"{total['usd']:.4f}",
        "warm pool $": f"{total['warm_pool_usd']:.4f}",
    }
    headings = ["#", "attempt", "job", "status", "instances", "billed s", "$"]
    headings += ["warm pool $"] if total["warm_pool_usd"] else []
    headings += ["price by"] if with_sources else []
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        justify: Any = "right" if heading in ("#", "attempt", "billed s", "$", "warm pool $") else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading not in ("job", "price by"))
    for row in rows:
        table.add_row(*(row[heading] for heading in headings))
    table.add_section()
    table.add_row(*(sums.get(heading, "") for heading in headings))
    return table
