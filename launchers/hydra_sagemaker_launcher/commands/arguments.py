"""Arguments and a question that several subcommands share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hydra_sagemaker_launcher.errors import LaunchError


def add_sweep_arguments(parser: argparse.ArgumentParser, with_members: str | None = None) -> None:
    """Add the sweep directory, a profile, and if `with_members` is given, the members, with it as the help text."""
    parser.add_argument("sweep_dir", metavar="DIR", type=Path, help="the directory of the sweep, with members.jsonl")
    if with_members is not None:
        parser.add_argument("--member", nargs="+", type=int, action="extend", metavar="N", help=with_members)
    parser.add_argument(
        "--profile", help="a profile of ~/.aws (default: the one of the launch, or boto3's usual order)"
    )


def confirm(question: str, is_agreed: bool) -> bool:
    """Ask a person yes or no.

    Args:
        question: The question.
        is_agreed: Whether the answer was given on the command line.

    Raises:
        LaunchError: There is no answer, because the input is not a terminal.
    """
    if is_agreed:
        return True
    if not sys.stdin.isatty():
        raise LaunchError(f"{question} There is no terminal to answer in: add --yes")
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
