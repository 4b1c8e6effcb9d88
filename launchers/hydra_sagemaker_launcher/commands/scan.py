"""`hydra-sagemaker scan`: what looks like a secret in files, by the rules that guard the archive of a sweep."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.secret_scan import find_secrets, is_private_path

EXAMPLE = """examples:
  hydra-sagemaker scan .
  hydra-sagemaker scan outputs/2026-11-28/10-00-00/model --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("path", nargs="+", type=Path, help="a file or a folder, which is looked through to the bottom")
    parser.add_argument("--json", action="store_true", help="print a JSON list of lines instead, and exit with 0")


def run(args: argparse.Namespace) -> None:
    """Run the command with its parsed arguments.

    Raises:
        LaunchError: Something looks like a secret. It has a line for each, which never shows the secret.
    """
    findings = [line for path in args.path for line in scan_files(path)]
    if args.json:
        print(json.dumps(findings))
    elif findings:
        raise LaunchError(findings)
    else:
        print("no secrets found")


def scan_files(path: Path) -> Iterator[str]:
    """Yield a line for each file that should not leave this machine, and for each line that looks like a secret.

    Raises:
        LaunchError: The path does not exist.
    """
    if not path.exists():
        raise LaunchError(f"{path}: does not exist; give a file or a folder")
    top = path if path.is_dir() else path.parent
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if not file.is_file():
            continue
        if is_private_path(file.relative_to(top)):
            yield f"{file}: is private by its name or its folder; move it away"
        else:
            for line, kind in find_secrets(file.name, file.read_bytes()):
                yield f"{file}:{line}: looks like {kind}; remove it"
