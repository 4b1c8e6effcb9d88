"""python -m sagemaker_rehearsal --state DIR: the service in the foreground."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from sagemaker_rehearsal.options import Options


def main() -> None:
    """Reads the options and serves."""
    parser = argparse.ArgumentParser(prog="sagemaker_rehearsal", description="A SageMaker stand-in on loopback.")
    parser.add_argument("--state", type=Path, required=True, help="directory for endpoint.json, the log and the jobs")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--idle-minutes", type=float, default=10.0, help="ends by itself when idle for so long")
    parser.add_argument("--quota", metavar="TYPE=N", action="append", default=[], type=_parse_quota)
    parser.add_argument("--faults", type=Path, help="JSON file of faults, see sagemaker_rehearsal/faults.py")
    parser.add_argument("--processes-per-host", type=int, default=1)
    parser.add_argument("--stop-seconds", type=float, default=120.0, help="between SIGTERM and SIGKILL")
    parser.add_argument("--checkpoint-seconds", type=float, default=3.0, help="between two uploads of checkpoints")
    parser.add_argument("--toolkit", metavar="PYTHON", type=Path, help="a Python with sagemaker-training runs the jobs")
    parser.add_argument("--simulate", metavar="SECONDS", type=float, help="no processes: every job trains so long")
    parser.add_argument("--simulated-output", metavar="FILE", type=Path, help="output.tar.gz of simulated jobs")
    given = parser.parse_args()
    if missing := [name for name in ("moto", "flask", "boto3") if importlib.util.find_spec(name) is None]:
        sys.exit(f"error: {', '.join(missing)} is not installed; the rehearsal service needs the extra [rehearsal]")
    options = Options(
        state=given.state.resolve(),
        port=given.port,
        idle_minutes=given.idle_minutes,
        quotas=dict(given.quota),
        faults=given.faults,
        processes_per_host=given.processes_per_host,
        stop_seconds=given.stop_seconds,
        checkpoint_seconds=given.checkpoint_seconds,
        toolkit=given.toolkit.absolute() if given.toolkit else None,
        simulate=given.simulate,
        simulated_output=given.simulated_output,
    )
    from sagemaker_rehearsal.server import serve

    try:
        serve(options)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


def _parse_quota(text: str) -> tuple[str, int]:
    instance_type, _, instances = text.partition("=")
    return instance_type, int(instances)


if __name__ == "__main__":
    main()
