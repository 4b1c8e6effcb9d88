"""`mlqa sync`: complete runs at W&B or trackio from the files of their directories."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlqa.errors import MlqaError, RunError

EXAMPLE = """\
examples:
  mlqa sync outputs/2026-11-23/10-00-00          upload an offline run, or add what an outage or a kill left out
  mlqa sync multirun/2026-11-23/10-00-00         the members of a sweep, also those that ran as jobs
  mlqa sync --to trackio outputs/2026-11-23/10-00-00
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa sync`."""
    parser.add_argument(
        "run_dirs", nargs="+", metavar="run_dir", help="directories of runs that have ended, or of sweeps"
    )
    parser.add_argument("--to", choices=("wandb", "trackio"), default="wandb", help="tracker (default: %(default)s)")


def run(args: argparse.Namespace) -> None:
    """Complete each run, also those of a sweep, and print what was added.

    A directory without a result.json is skipped among several.

    Raises:
        RunError: At the end, with the reasons of all runs that could not be completed.
    """
    from mlqa.config.schema import TrackingBackend
    from mlqa.tracking.sync import sync_run

    folders = [Path(name) for name in args.run_dirs]
    members = [run_dir for folder in folders for run_dir in _list_runs(folder)] or folders
    problems = []
    for folder in members:
        try:
            print(f"{folder}: {sync_run(folder, TrackingBackend(args.to))}")
        except MlqaError as error:
            problems.append(str(error))
    if problems:
        raise RunError("; ".join(dict.fromkeys(problems)))


def _list_runs(folder: Path) -> list[Path]:
    """Return the directories with a result.json: the folder itself, or the members of a sweep or of several."""
    from mlqa.report.members import find_sweep_dirs, read_sweep
    from mlqa.result import FILE

    if (folder / FILE).is_file():
        return [folder]
    try:
        members = [member for sweep in find_sweep_dirs(folder) for member in read_sweep(sweep).members]
    except MlqaError:  # it holds no run
        return []
    return [member.directory for member in members if (member.directory / FILE).is_file()]
