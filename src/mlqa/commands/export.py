"""`mlqa export`: take the model of a run to production, as an ONNX graph or for a SageMaker endpoint."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlqa.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from mlqa.serving.export import Export

EXAMPLE = """\
examples:
  mlqa export outputs/2026-11-23/10-00-00              onnx/ in the run directory, checked, measured and priced
  mlqa export outputs/2026-11-23/10-00-00 --file questions.json
  mlqa export outputs/2026-11-23/10-00-00 --sagemaker  model.tar.gz for an endpoint of SageMaker
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa export`."""
    parser.add_argument("run_dir", help="directory of a completed run")
    parser.add_argument("--output", metavar="PATH", help="write here (default: <run dir>/onnx or model.tar.gz)")
    parser.add_argument(
        "--file", help="questions for the check, in any format of a data set (default: 200 of the run's validation)"
    )
    parser.add_argument(
        "--max-loss",
        type=float,
        default=1.0,
        metavar="POINTS",
        help="points of F1 that 8 bits may cost (default: %(default)s)",
    )
    parser.add_argument(
        "--usd-per-hour", type=float, metavar="USD", help="price of this machine, for the measured cost per question"
    )
    parser.add_argument(
        "--sagemaker", action="store_true", help="pack model and handler for a Hugging Face inference container"
    )


def run(args: argparse.Namespace) -> None:
    """Export the model and print what was found out.

    Raises:
        ConfigError: The options do not fit together, or a package is missing.
        RunError: The directory has no model, or something cannot be written.
        DataError: The questions of the check cannot be read.
        ModelError: The model cannot be exported, or a graph answers differently.
    """
    problems = []
    if args.sagemaker and args.file is not None:
        problems.append("export: --sagemaker packs the model as it is and checks nothing: leave --file out")
    if not args.max_loss >= 0:
        problems.append(f"export: --max-loss={args.max_loss:g}: choose 0 or more points of F1")
    if args.usd_per_hour is not None and not args.usd_per_hour >= 0:
        problems.append(f"export: --usd-per-hour={args.usd_per_hour:g}: choose 0 or more dollars")
    if problems:
        raise ConfigError(problems)

    from mlqa.result import ENDPOINT, ONNX

    run_dir = Path(args.run_dir).expanduser()
    output = Path(args.output).expanduser() if args.output else run_dir / (ENDPOINT if args.sagemaker else ONNX)
    if args.sagemaker:
        _pack(run_dir, output)
    else:
        _export(args, run_dir, output)


def _pack(run_dir: Path, archive: Path) -> None:
    from mlqa.serving.endpoint import pack_endpoint

    pack_endpoint(run_dir, archive)
    print(f"{archive}: {archive.stat().st_size / 1e6:.1f} MB, model and handler for a Hugging Face inference container")


def _export(args: argparse.Namespace, run_dir: Path, output: Path) -> None:
    import logging

    from mlqa.serving.graph import require_export

    require_export()
    logging.basicConfig(level=logging.INFO, format="%(message)s")

    from mlqa.result import record_serving
    from mlqa.serving.export import export_run

    found = export_run(run_dir, output, args.file, args.max_loss, args.usd_per_hour)
    record_serving(run_dir, found.to_node())
    _print(found, output)
    if found.refused:
        raise ModelError(
            "; ".join(f"the graph {name} is refused: {reason}" for name, reason in found.refused.items())
            + ". The graph in float32 was written"
        )


def _print(found: Export, output: Path) -> None:
    from rich.console import Console

    from mlqa.display.serving_tables import build_cost_table, build_graph_table

    console = Console()
    console.print(build_graph_table(found.to_node()))
    if found.costs:
        console.print(build_cost_table(found.to_node()))
        console.print("* an estimate: docs/serving.md says how", highlight=False)
    console.print(f"written: {output}", highlight=False, soft_wrap=True)
    console.print(f'try it: python {output}/predict.py "question" "context"', highlight=False, soft_wrap=True)
