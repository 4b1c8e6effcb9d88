"""The `mlqa` command: what one does beside a training or after it. Training itself is `python train.py`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from mlqa.errors import exit_on_error

# Each is a module of mlqa.commands with EXAMPLE, add_arguments(parser) and run(args).
COMMANDS = {
    "audit": "what is wrong with a data set: offsets, leakage, duplicates, Unicode, lengths",
    "dashboard": "a W&B workspace of a sweep, or its specification",
    "predict": "answer questions with the model of a run",
    "report": "compare the members of sweeps: a page, a table, advice",
    "score": "score predictions from anywhere on a data set",
    "tokenizers": "compare tokenizers on a data set, and what each does to words",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the console script; errors of the user end as one line and an exit code other than 0."""
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
    # argparse takes positional arguments in one row only; overrides may stand before and after an option.
    if rest and (not hasattr(args, "overrides") or any(argument.startswith("-") for argument in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.overrides = [*args.overrides, *rest]
    with exit_on_error():
        try:
            args.run(args)
            sys.stdout.flush()
        except BrokenPipeError:  # `mlqa audit | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None


if __name__ == "__main__":
    main()
