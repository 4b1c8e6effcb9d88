"""Ask the launcher, a product of its own, by its command line: what instances cost, and what looks like a secret.

mlqa imports nothing of it. Its commands print JSON, which is the meeting place.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from mlqa.errors import RunError

COMMAND = (sys.executable, "-m", "hydra_sagemaker_launcher.cli")
SECONDS = 120


def _ask(*arguments: str) -> Any:
    """Run a command of `hydra-sagemaker` and return its JSON.

    Raises:
        RunError: It is not installed, or it fails.
    """
    name = " ".join(("hydra-sagemaker", *arguments[:2]))
    try:
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=SECONDS, check=True)
        return json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["it says nothing"])[-1]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    raise RunError(f"{name}: failed: {reason}; install the launcher of this repository (make setup)")


@cache
def list_instances() -> list[dict[str, Any]]:
    """Return the instance types with a price, in the region that AWS_REGION names.

    Returns:
        Rows with "instance_type", "gpus", "gpu", "vcpus", "usd_per_hour", "price_source" and "estimate".

    Raises:
        RunError: The launcher cannot be asked.
    """
    rows: list[dict[str, Any]] = _ask("catalog", "show", "--json")["instances"]
    return rows


def find_secrets(folder: Path) -> list[str]:
    """Return a line for each place below a folder that looks like a secret, or is private by its name.

    Raises:
        RunError: The launcher cannot be asked.
    """
    findings: list[str] = _ask("scan", str(folder), "--json")
    return findings
