"""Metrics by name: the `evaluate` modules that lie beside this file, loaded without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlqa.errors import ConfigError

if TYPE_CHECKING:
    from evaluate import EvaluationModule

_MODULES = Path(__file__).parent / "evaluate_modules"


def list_metrics() -> list[str]:
    """The names that `load` takes: the folders <name> of evaluate_modules/ that hold <name>.py."""
    return sorted(script.stem for script in _MODULES.glob("*/*.py") if script.stem == script.parent.name)


def load_metric(name: str) -> EvaluationModule:
    """The metric of this name, ready for `compute(predictions=..., references=...)`.

    evaluate copies the script into its own cache (HF_MODULES_CACHE) and looks nothing up on the hub.
    Raises ConfigError, with the allowed names, for any other name.
    """
    if name not in list_metrics():
        raise ConfigError(f"metric {name!r} is unknown: choose one of {', '.join(list_metrics())}")
    import evaluate

    # keep_in_memory: no Arrow file in the user's cache that a second process would have to lock.
    return evaluate.load(str(_MODULES / name / f"{name}.py"), keep_in_memory=True)
