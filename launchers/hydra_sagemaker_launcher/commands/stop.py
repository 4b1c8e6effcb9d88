"""`hydra-sagemaker stop`: stop the jobs of a sweep, all or some, after a question."""

from __future__ import annotations

import argparse

from hydra_sagemaker_launcher.commands.arguments import add_sweep_arguments, confirm

EXAMPLE = """examples:
  hydra-sagemaker stop multirun/2026-11-28/10-00-00
  hydra-sagemaker stop multirun/2026-11-28/10-00-00 --member 3 5 --yes"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add_sweep_arguments(parser, with_members="only the jobs of these members")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> None:
    """Run the command with its parsed arguments."""
    from hydra_sagemaker_launcher.attached.sweep import AttachedSweep

    sweep = AttachedSweep(args.sweep_dir, args.profile)
    running = [member for member in sweep.describe_members(args.member) if member.is_running]
    if not running:
        print("no job of this sweep runs" if args.member is None else "no job of these members runs")
        return
    for member in running:
        rate = "" if member.usd_per_hour is None else f" at ${member.usd_per_hour:.2f} an hour"
        print(f"#{member.number} {member.label}: {member.state} on {member.instances}{rate}; {member.record.job_name}")
    if driver := sweep.driver:
        print(f"{driver} drives this sweep and submits members that wait; Ctrl-C there stops everything")
    count = len(running)
    if not confirm(f"Stop {'this job' if count == 1 else f'these {count} jobs'}?", args.yes):
        print("nothing was stopped")
        return
    sweep.ask_each(lambda member: sweep.jobs.stop(str(member.record.job_name)), running)
    print(f"asked {count} {'job' if count == 1 else 'jobs'} to stop, which takes some minutes")
    print(f"{sweep.format_command('status')} shows when they have ended")
    if not sweep.driver:
        print(f"{sweep.format_command('resume', '--fetch')} then fetches what they have written")
