"""`mlqa reproduce`: run a run again, and compare the two."""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mlqa.commands.reproduction import Reproduction, compare_runs, is_score
from mlqa.errors import ConfigError, RunError
from mlqa.result import read_result

if TYPE_CHECKING:
    from mlqa.config.schema import Config

EXAMPLE = """\
examples:
  mlqa reproduce outputs/2026-11-23/10-00-00                            the same run again, on this machine
  mlqa reproduce outputs/2026-11-23/10-00-00 --with their/run           compare with a run that is already there
  mlqa reproduce RUN dataset.train_file=train.json --tolerance 0.5      a setting changed, scores within half a point

The exit code is 0 only if the result was reproduced: without --tolerance, if every answer and score is the same.
"""
SHOWN = 5  # different answers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa reproduce`."""
    parser.add_argument("run_dir", type=Path, help="directory of a completed run, with its .hydra folder")
    parser.add_argument("overrides", nargs="*", help="settings to change: training.batching=padded ...")
    parser.add_argument("--with", dest="other", type=Path, metavar="DIR", help="compare with this run, and run nothing")
    parser.add_argument(
        "--into", type=Path, metavar="DIR", help="where the repetition goes (default: outputs/reproduced/<name>)"
    )
    parser.add_argument(
        "--tolerance", type=float, default=0.0, metavar="POINTS",
        help="how far a score may be off, 0 to 100; other answers are then allowed (default: 0)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(args: argparse.Namespace) -> None:
    """Run it again, compare, and print what is the same and what is not.

    Raises:
        ConfigError: The options do not fit together, or the config cannot be run here.
        RunError: A run is missing or was not completed, or the data set is not the run's.
        SystemExit: With code 1 if the result was not reproduced.
    """
    if math.isnan(args.tolerance) or args.tolerance < 0:
        raise ConfigError(f"reproduce: --tolerance={args.tolerance:g}: choose 0 or more points")
    if args.other is not None and (args.overrides or args.into):
        raise ConfigError("reproduce: --with runs nothing; leave out the settings and --into")
    run_dir = args.run_dir.expanduser()
    other = args.other.expanduser() if args.other else _repeat(run_dir, args.overrides, args.into)
    compared = compare_runs(run_dir, other)
    is_reproduced = compared.is_reproduced(args.tolerance)
    if args.json:
        shown = {
            "run": str(run_dir),
            "repetition": str(other),
            "reproduced": is_reproduced,
            "tolerance": args.tolerance,
        }
        print(json.dumps({**shown, **asdict(compared)}, ensure_ascii=False, indent=1, allow_nan=False))
    else:
        _print(compared, is_reproduced, args.tolerance, other)
    if not is_reproduced:
        sys.stdout.flush()
        sys.exit(1)


def _repeat(run_dir: Path, overrides: list[str], into: Path | None) -> Path:
    """Run it again and return the directory of the repetition. What can fail is checked before anything is trained."""
    from mlqa import experiment
    from mlqa.config.recorded import read_recorded_config, write_config
    from mlqa.config.schema import TrackingBackend
    from mlqa.config.validation import find_config_problems

    compare_runs(run_dir, run_dir)  # the run is complete and readable
    config = read_recorded_config(run_dir, overrides)
    config.tracking.backend = TrackingBackend.files
    if problems := find_config_problems(config):
        raise ConfigError(problems)
    result = read_result(run_dir)
    _check_data(config, result["dataset"].get("fingerprint"), run_dir)
    folder = into.expanduser() if into else Path("outputs", "reproduced", run_dir.resolve().name)
    if folder.resolve() == run_dir.resolve():
        raise ConfigError(f"reproduce: --into {folder}: is the run itself; choose another directory")
    config.training.output_dir = str(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_config(config, folder)
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"{folder}: cannot be written: {reason}; choose another folder by --into") from None
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("mlqa").setLevel(logging.INFO)
    experiment.run(config, dict(result.get("choices", {})))
    return folder


def _check_data(config: Config, fingerprint: str | None, run_dir: Path) -> None:
    """Raise RunError if the data set is not the one that the run has read."""
    from mlqa.data.load import load_splits

    found = load_splits(config.dataset).compute_fingerprint()
    if found != fingerprint:
        raise RunError(
            f"{run_dir}: the run read other data (fingerprint {fingerprint}, here {found}); name its files by "
            "dataset.train_file=... dataset.validation_file=..."
        )


def _print(compared: Reproduction, is_reproduced: bool, tolerance: float, other: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=True)
    table = Table(title="metrics", title_justify="left")
    table.add_column("")
    for heading in ("run", "repetition", "difference"):
        table.add_column(heading, justify="right")
    for name, (before, now) in compared.metrics.items():
        if before == now and not is_score(name):
            continue
        difference = "" if before is None or now is None else f"{now - before:+.4f}"
        table.add_row(name, *("" if value is None else f"{value:.4f}" for value in (before, now)), difference)
    console.print(table)
    for name, before_text, now_text in compared.different[:SHOWN]:
        console.print(Text(f"{name}: {before_text!r}, repeated {now_text!r}"))
    if len(compared.different) > SHOWN:
        console.print(f"... and {len(compared.different) - SHOWN} more answers that differ")
    for name, pair in compared.versions.items():
        console.print(Text(f"{name}: {pair[0]}, repeated with {pair[1]}"))
    same = compared.questions - len(compared.different)
    counts = [
        f"{name} {_format_count(a)}, repeated {_format_count(b)}" for name, (a, b) in compared.different_counts.items()
    ]
    facts = [
        *(f"the number of questions is NOT the same ({each})" for each in counts),
        f"{same} of {compared.questions} answers are the same",
        f"scores differ by at most {compared.largest_difference:.4g} points",
        f"the data {'are' if compared.same_data else 'are NOT'} the same",
        f"the settings {'are' if compared.same_settings else 'are NOT'} the same",
    ]
    verdict = "reproduced" if is_reproduced else "NOT reproduced"
    console.print(f"{verdict}{f' within {tolerance:g} points' if tolerance else ''}: {', '.join(facts)} ({other})")


def _format_count(count: float | None) -> str:
    return "none" if count is None else f"{count:.0f}"
