"""Tools for sweeps on SageMaker, apart from launching them."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from hydra_sagemaker_launcher.errors import exit_on_error

# Each name is a module of hydra_sagemaker_launcher.commands with EXAMPLE, add_arguments(parser) and run(args).
COMMANDS = {
    "status": "how far the members of a sweep are, and what they have cost so far",
    "logs": "what the jobs of a sweep print",
    "stop": "stop the jobs of a sweep",
    "resume": "go on with a sweep, or only fetch what has ended",
    "costs": "what was billed for each job of a sweep",
    "catalog": "show or update the catalog of instance types, prices and images",
    "scan": "look for secrets in files before they leave this machine",
    "policy": "print the IAM policies of the user and of the role of the jobs",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the `hydra-sagemaker` command.

    Args:
        argv: Arguments after the program's name. None means `sys.argv[1:]`.

    Raises:
        SystemExit: With a nonzero code if the command line is wrong or the command fails. A user's error is printed
            as one line per problem.
    """
    parser = argparse.ArgumentParser(prog="hydra-sagemaker", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in COMMANDS.items():
        module = importlib.import_module(f"hydra_sagemaker_launcher.commands.{name}")
        command = commands.add_parser(
            name, help=purpose, epilog=module.EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    args, rest = parser.parse_known_args(argv)
    if rest and hasattr(args, "overrides") and not any(part.startswith("-") for part in rest):
        args.overrides += rest  # argparse does not take positional arguments again after an option
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    with exit_on_error():
        try:
            args.run(args)
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except BrokenPipeError:  # `hydra-sagemaker catalog show | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None


if __name__ == "__main__":
    main()
