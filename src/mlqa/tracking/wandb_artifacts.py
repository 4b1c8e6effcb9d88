"""What a run leaves in W&B's registry of artifacts: its model, and the data set that it was made from.

The tables of a run are artifacts of the type "run_table", which W&B itself makes of them.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlqa.errors import summarize_error
from mlqa.result import MODEL, PREDICTIONS

log = logging.getLogger(__name__)

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 128  # characters of an artifact's name


def upload_artifacts(run: Any, run_dir: Path, result: Mapping[str, Any], *, offline: bool, seconds: float) -> None:
    """Upload the run's model as its output, and name its data set as its input.

    The data set is described, not uploaded, because its licence may forbid that. All models of one name that were
    trained on one data set are versions of one artifact, so that W&B shows them in a row.

    Args:
        run: The open W&B run.
        run_dir: The run's directory.
        result: Content of result.json.
        offline: Whether the run is offline. W&B then takes no inputs, so the data set is logged as an output.
        seconds: How long to wait until W&B has the description of the data set.
    """
    import wandb

    set_name = result.get("choices", {}).get("dataset", "dataset")
    if (run_dir / MODEL).is_dir():
        label = result.get("label") or "model"
        facts = {"metrics": result["metrics"], "choices": result.get("choices", {}), "seed": result.get("seed")}
        model = wandb.Artifact(_build_name(f"{label}-{set_name}"), type="model", metadata=facts)
        model.add_dir(str(run_dir / MODEL))
        if (run_dir / PREDICTIONS).is_file():
            model.add_file(str(run_dir / PREDICTIONS))
        names = ["latest", result.get("config_hash"), f"seed-{result['seed']}" if "seed" in result else None]
        run.log_artifact(model, aliases=[name for name in names if name])
    described = {key: value for key, value in result["dataset"].items() if key != "audit"}
    data = wandb.Artifact(_build_name(set_name), type="dataset", metadata=described)
    with data.new_file("dataset.json", encoding="utf-8") as file:
        json.dump(described, file, ensure_ascii=False, indent=1)
    fingerprint = str(result["dataset"].get("fingerprint") or "")
    aliases = ["latest", *([_build_name(fingerprint)] if fingerprint else [])]
    if offline:
        run.log_artifact(data, aliases=aliases)
    else:
        _use_artifact(run, data, aliases, seconds)


def _use_artifact(run: Any, data: Any, aliases: list[str], seconds: float) -> None:
    """Name an artifact as the run's input. W&B itself would wait for its server without end."""

    def use() -> None:
        try:
            run.use_artifact(data, aliases=aliases)
        except Exception as error:
            log.warning("tracking: W&B does not know the data set of this run: %s", summarize_error(error))

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    thread.join(seconds)


def _build_name(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", text)[:_LONGEST]
