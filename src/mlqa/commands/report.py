"""`mlqa report`: compare the members of one or several sweeps."""

from __future__ import annotations

import argparse
import math

from mlqa.errors import ConfigError

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
        help="write the report's files here (default: <sweep dir>/report; ./report for several)",
    )
    parser.add_argument(
        "--reference",
        metavar="NAME",
        help="also show published results: blog, turkish, xquad_tr, or a YAML file (docs/report.md)",
    )
    parser.add_argument(
        "--usd-per-question",
        type=float,
        metavar="USD",
        help="what it costs to annotate a question, for a learning curve (default: report.usd_per_question)",
    )
    parser.add_argument(
        "--questions",
        type=int,
        metavar="N",
        help="show at most N questions with their context (default: all of up to 12,000). 0 shows none, for data that "
        "may not be passed on",
    )


def run(args: argparse.Namespace) -> None:
    """Write the report and print the closing table.

    Raises:
        RunError: If a directory holds no run, or the report cannot be written.
        ConfigError: If the published results cannot be found, the price is not a number of dollars, or the number of
            questions is negative.
    """
    price = args.usd_per_question
    if price is not None and not 0 <= price < math.inf:
        raise ConfigError(f"report: --usd-per-question={price:g}: choose 0 or more")
    if args.questions is not None and args.questions < 0:
        raise ConfigError(f"report: --questions={args.questions}: choose 0 or more")

    from mlqa.report.build import write_report

    write_report(args.sweep_dir, args.output, args.reference, price, args.questions)
