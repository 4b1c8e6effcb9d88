"""`mlqa report`: compare the members of one or several sweeps."""

from __future__ import annotations

import argparse

EXAMPLE = """\
examples:
  mlqa report multirun/2026-11-23/10-00-00
  mlqa report multirun/2026-11-23 --output report         all sweeps below it on one page
  mlqa report multirun/2026-11-23/10-00-00 --reference blog    with the published rows of the original experiment
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa report`."""
    parser.add_argument("sweep_dir", nargs="+", help="directory of a multirun, of several, or of a single run")
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="write index.html, results.csv and results.md here (default: <sweep dir>/report; ./report for several)",
    )
    parser.add_argument("--reference", choices=["blog"], help="also show published results, marked as such")


def run(args: argparse.Namespace) -> None:
    """Write the report and print the closing table.

    Raises:
        RunError: If a directory holds no run, or the report cannot be written.
    """
    from mlqa.report.build import write_report

    write_report(args.sweep_dir, args.output, args.reference)
