"""`mlqa report`: the comparison of the members of one or several sweeps."""

from __future__ import annotations

import argparse

EXAMPLE = """\
examples:
  mlqa report multirun/2026-11-23/10-00-00
  mlqa report multirun/2026-11-23 --output report         all sweeps below it on one page
  mlqa report multirun/2026-11-23/10-00-00 --reference blog    the original experiment's published rows beside them
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sweep_dir", nargs="+", help="directory of a multirun, of several, or of a single run")
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="where to write index.html, results.csv, results.md (default: <sweep dir>/report; of several: ./report)",
    )
    parser.add_argument("--reference", choices=["blog"], help="draw published results beside, marked as such")


def run(args: argparse.Namespace) -> None:
    from mlqa.report.build import write_report

    write_report(args.sweep_dir, args.output, args.reference)
