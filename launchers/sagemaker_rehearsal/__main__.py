"""Run the service in the foreground: python -m sagemaker_rehearsal --state DIR."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from sagemaker_rehearsal.clients import forget_users_account
from sagemaker_rehearsal.options import Options


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="sagemaker_rehearsal",
        description="A SageMaker stand-in on loopback.",
        argument_default=argparse.SUPPRESS,  # the defaults are those of Options
    )
    add = parser.add_argument
    add(
        "--state",
        type=lambda text: Path(text).resolve(),
        required=True,
        help="directory for endpoint.json, the log and the jobs",
    )
    add("--port", type=int, help="by default any free port")
    add("--idle-minutes", type=float, help="end when idle for so long")
    add("--quota", metavar="TYPE=N", action="append", type=_parse_quota, dest="quotas")
    add(
        "--file-system",
        metavar="ID=FOLDER",
        action="append",
        type=_parse_file_system,
        dest="file_systems",
        help="the folder that stands for an EFS or FSx file system",
    )
    add("--faults", type=Path, help="JSON file of faults, see sagemaker_rehearsal/fault_kinds.py")
    add("--processes-per-host", type=int)
    add("--stop-seconds", type=float, help="between SIGTERM and SIGKILL")
    add("--checkpoint-seconds", type=float, help="between two uploads of checkpoints")
    # Not resolved: a virtual environment is found by the path of its link.
    add("--python", type=lambda text: Path(text).absolute(), help="run the jobs with this Python, not with mine")
    add(
        "--toolkit",
        metavar="PYTHON",
        type=lambda text: Path(text).absolute(),
        help="run the jobs with this Python's sagemaker-training",
    )
    add("--simulate", metavar="SECONDS", type=float, help="start no processes: every job trains for so long")
    add("--simulated-output", metavar="FILE", type=Path, help="the output.tar.gz that simulated jobs leave")
    given = vars(parser.parse_args())
    if missing := [name for name in ("moto", "flask", "boto3") if importlib.util.find_spec(name) is None]:
        sys.exit(f"error: {', '.join(missing)} is not installed; install the extra [rehearsal]")
    pairs = {name: dict(given.get(name, ())) for name in ("quotas", "file_systems")}
    options = Options(**{**given, **pairs})
    forget_users_account()
    from sagemaker_rehearsal.server import serve

    try:
        serve(options)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


def _parse_quota(text: str) -> tuple[str, int]:
    instance_type, _, instances = text.partition("=")
    return instance_type, int(instances)


def _parse_file_system(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    return name, Path(folder).absolute()


if __name__ == "__main__":
    main()
