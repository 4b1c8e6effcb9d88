"""What a sweep has cost in the end: known when its jobs have ended, and then told to their W&B runs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from mlqa.errors import MlqaError, summarize_error
from mlqa.result import FILE, read_result
from mlqa.tracking.wandb_mode import has_key

log = logging.getLogger(__name__)

SECONDS = 30  # for an answer of W&B's, a run


def correct_cost(sweep_dir: str | Path) -> int:
    """Writes the billed cost of every member of a sweep directory over the estimate in its W&B run's summary.

    Takes <sweep dir>/<number>/result.json of runs that were online (`tracking.wandb`) and whose `cost` is no estimate
    any more. Returns how many runs were corrected. Raises nothing: a W&B that cannot be reached is one warning a sweep.
    """
    waiting: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for path in sorted(Path(sweep_dir).glob(f"*/{FILE}")):
        try:
            result = read_result(path.parent)
        except MlqaError as error:
            log.debug("tracking: %s", error)
            continue
        place, cost = result.get("tracking", {}).get("wandb", {}), result.get("cost", {})
        if place.get("mode") == "online" and cost.get("usd") is not None and not cost.get("estimate"):
            waiting.append((place, cost))
    if not waiting or not has_key():
        return 0
    corrected = 0
    try:
        import wandb

        api = wandb.Api(timeout=SECONDS)
        for place, cost in waiting:
            run = api.run(f"{place['entity']}/{place['project']}/{place['id']}")
            run.summary.update({f"cost/{key}": value for key, value in cost.items()})
            corrected += 1
    except (Exception, SystemExit) as error:
        missing = len(waiting) - corrected
        log.warning("tracking: the billed cost of %d run(s) did not reach W&B: %s", missing, summarize_error(error))
    return corrected
