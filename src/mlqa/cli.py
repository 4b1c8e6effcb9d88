"""Tools to run before and after training. To train a model, run `python train.py`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from mlqa.errors import exit_on_error

# Each name is a module of mlqa.commands with EXAMPLE, add_arguments(parser) and run(args).
COMMANDS = {
    "audit": "find faults in a data set: offsets, leakage, duplicates, Unicode, lengths",
    "card": "write the model card of a run, or publish its model",
    "dashboard": "save a W&B workspace and report for a sweep, or print the specification",
    "demo": "ask the models of runs in a browser",
    "errors": "group the wrong answers of a run, and write them for annotators",
    "evaluate": "score the models of finished runs on further data sets",
    "export": "take the model of a run to production: ONNX, 8 bits, SageMaker",
    "predict": "answer questions with the model of a run",
    "report": "compare the members of sweeps: what to choose, a page, tables",
    "reproduce": "run a run again and compare answers, metrics and versions",
    "score": "score predictions from any tool on a data set",
    "sync": "complete a run at W&B or trackio after an outage, a kill or offline work",
    "tokenizers": "compare tokenizers on a data set and show how each splits words",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the `mlqa` command.

    Args:
        argv: Arguments after the program's name. None means `sys.argv[1:]`.

    Raises:
        SystemExit: With a nonzero code if the command line is wrong or the command fails. A user's error is printed
            as one line.
    """
    parser = argparse.ArgumentParser(prog="mlqa", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in COMMANDS.items():
        module = importlib.import_module(f"mlqa.commands.{name}")
        command = commands.add_parser(
            name, help=purpose, epilog=module.EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    args, rest = parser.parse_known_args(argv)
    # argparse accepts positional arguments only in one group. Overrides may come before and after an option.
    if rest and (not hasattr(args, "overrides") or any(argument.startswith("-") for argument in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.overrides = [*args.overrides, *rest]
    with exit_on_error():
        args.run(args)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
