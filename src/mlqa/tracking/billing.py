"""Correct the cost of W&B runs when a sweep has ended and the billed seconds of its jobs are known."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from mlqa.errors import MlqaError
from mlqa.result import FILE, read_result
from mlqa.tracking.wandb_connection import describe_failure
from mlqa.tracking.wandb_mode import has_key

log = logging.getLogger(__name__)

SECONDS = 30  # timeout of one request to W&B


def correct_cost(sweep_dir: str | Path) -> int:
    """Replace the estimated cost in the W&B summary of each member by the billed cost.

    Only jobs count that were tracked online and whose `cost` in <sweep dir>/<number>/result.json is no longer an
    estimate. Nothing is raised: if W&B cannot be reached, log one warning per sweep.

    Args:
        sweep_dir: Directory of the multirun.

    Returns:
        The number of corrected W&B runs.
    """
    billed: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for path in sorted(Path(sweep_dir).glob(f"*/{FILE}")):
        try:
            result = read_result(path.parent)
        except MlqaError as error:
            log.debug("tracking: %s", error)
            continue
        place, cost = result.get("tracking", {}).get("wandb", {}), result.get("cost", {})
        # A member that ran here has said what it cost.
        is_billed = cost.get("usd") is not None and not cost.get("estimate") and cost.get("instance_type") != "local"
        if place.get("mode") == "online" and is_billed:
            billed.append((place, cost))
    if not billed or not has_key():
        return 0
    corrected = 0
    try:
        import wandb

        api = wandb.Api(timeout=SECONDS)
        for place, cost in billed:
            run = api.run(f"{place['entity']}/{place['project']}/{place['id']}")
            run.summary.update({f"cost/{key}": value for key, value in cost.items()})
            corrected += 1
    except (Exception, SystemExit) as error:
        missing = len(billed) - corrected
        log.warning("tracking: the billed cost of %d run(s) did not reach W&B: %s", missing, describe_failure(error))
    return corrected
