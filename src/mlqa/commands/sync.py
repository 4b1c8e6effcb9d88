"""`mlqa sync`: complete runs at W&B or trackio from the files of their directories."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlqa.errors import MlqaError, RunError

EXAMPLE = """\
examples:
  mlqa sync outputs/2026-11-23/10-00-00          upload an offline run, or add what an outage or a kill left out
  mlqa sync multirun/2026-11-23/10-00-00/*       the members of a sweep, also of those that ran as jobs
  mlqa sync --to trackio outputs/2026-11-23/10-00-00
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa sync`."""
    parser.add_argument("run_dirs", nargs="+", metavar="run_dir", help="directories of runs that have ended")
    parser.add_argument("--to", choices=("wandb", "trackio"), default="wandb", help="tracker (default: %(default)s)")


def run(args: argparse.Namespace) -> None:
    """Complete each run, and print what was added. A directory without a result.json is skipped among several.

    Raises:
        RunError: At the end, with the reasons of all runs that could not be completed.
    """
    from mlqa.config.schema import TrackingBackend
    from mlqa.result import FILE
    from mlqa.tracking.sync import sync_run

    folders = [Path(name) for name in args.run_dirs]
    members = [folder for folder in folders if (folder / FILE).is_file()] or folders
    problems = []
    for folder in members:
        try:
            print(f"{folder}: {sync_run(folder, TrackingBackend(args.to))}")
        except MlqaError as error:
            problems.append(str(error))
    if problems:
        raise RunError("; ".join(dict.fromkeys(problems)))
