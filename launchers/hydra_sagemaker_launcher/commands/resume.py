"""`hydra-sagemaker resume`: go on with a sweep by the command that started it, or only fetch what has ended."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hydra_sagemaker_launcher.commands.arguments import add_sweep_arguments, confirm
from hydra_sagemaker_launcher.errors import LaunchError

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.attached.sweep import AttachedSweep

EXAMPLE = """examples:
  hydra-sagemaker resume multirun/2026-11-28/10-00-00
  hydra-sagemaker resume multirun/2026-11-28/10-00-00 --retry-failed hardware.max_hours=8
  hydra-sagemaker resume multirun/2026-11-28/10-00-00 --fetch"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add_sweep_arguments(parser)
    parser.add_argument("overrides", nargs="*", help="further overrides, which replace those of the same key")
    parser.add_argument("--retry-failed", action="store_true", help="also submit failed and stopped members again")
    parser.add_argument("--fetch", action="store_true", help="only fetch the results of ended jobs, without the app")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> None:
    """Run the command with its parsed arguments."""
    from hydra_sagemaker_launcher.attached.sweep import AttachedSweep

    sweep = AttachedSweep(args.sweep_dir, args.profile)
    if driver := sweep.driver:
        raise LaunchError(f"{sweep.path}: {driver} drives this sweep; wait for its end, or stop it there")
    if args.fetch:
        if args.retry_failed or args.overrides:
            raise LaunchError("--fetch: starts nothing, so it takes neither --retry-failed nor overrides")
        _fetch(sweep)
    else:
        _run_again(sweep, args)


def _fetch(sweep: AttachedSweep) -> None:
    from hydra_sagemaker_launcher.attached.fetching import fetch_ended_jobs

    if sweep.aws is None:
        raise LaunchError(
            f"{sweep.path}: nothing can be fetched: nothing was submitted, or the rehearsal service has ended"
        )
    fetched, lost = fetch_ended_jobs(sweep, print)
    left = [member for member in sweep.list_members() if member.record.status is None]
    print(f"{fetched} members fetched" + (f", {lost} could not be fetched" if lost else ""))
    if left:
        unfinished = "1 member is" if len(left) == 1 else f"{len(left)} members are"
        print(f"{unfinished} not finished; to go on: {sweep.format_command('resume')}")
    elif fetched:
        print("hydra.launcher.on_sweep_end was not called, because it is the app's")
    if lost:
        raise SystemExit(1)


def _run_again(sweep: AttachedSweep, args: argparse.Namespace) -> None:
    from hydra_sagemaker_launcher.attached.fetching import fetch_ended_jobs
    from hydra_sagemaker_launcher.launch_record import build_resume_command

    launch = sweep.manifest.launch
    if not launch:
        raise LaunchError(
            f"{sweep.path}: its command is not recorded; give it again with hydra.launcher.resume={sweep.path}"
        )
    command, hidden = build_resume_command(launch["command"], sweep.path, args.retry_failed, args.overrides)
    problems = [f"{key}: its value looked like a secret and was not recorded; add {key}=..." for key in hidden]
    working_dir = Path(launch["working_dir"])
    script = command[1] if command[1] != "-m" else None
    needed = [working_dir, Path(command[0])] + ([working_dir / script] if script else [])
    problems += [
        f"{path}: is gone, and the command needs it; {sweep.format_command('resume', '--fetch')} fetches ended jobs "
        "without the app"
        for path in needed
        if not path.exists()
    ][:1]
    if problems:
        raise LaunchError(problems)
    print(f"in {working_dir}:\n  {shlex.join(command)}")
    if (
        args.retry_failed and sweep.aws is not None
    ):  # jobs that have ended since are failed or stopped only once fetched
        fetch_ended_jobs(sweep, print)
    states = [member.record.status or "open" for member in sweep.list_members()]
    again = sum(state != "completed" for state in states) if args.retry_failed else states.count("open")
    finished = f"{len(states) - again} of {len(states)} members are finished"
    others = "the others go on, or are submitted and cost money" if again else "nothing would be submitted"
    print(f"{finished}; {others}")
    if not confirm("Run it?", args.yes):
        print("nothing was started")
        return
    sys.stdout.flush()
    os.chdir(working_dir)
    os.execv(command[0], command)  # the same process, so Ctrl-C is the launcher's own
