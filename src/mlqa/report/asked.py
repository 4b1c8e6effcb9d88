"""The members that a multirun was asked for, by the multirun.yaml that Hydra writes before the first of them starts.

The launcher's record names members on this machine only as they begin: after Ctrl-C the rest would not be missed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlqa.report.reading import get_nested, read_yaml

FILE = "multirun.yaml"
MOST = 10_000  # more than that is no sweep that anybody started


def read_multirun_overrides(sweep_dir: Path) -> list[list[str]]:
    """The overrides of each member, in order; empty without multirun.yaml, and where its sweeper chooses as it goes."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    hydra: Any = get_nested(read_yaml(sweep_dir / FILE), "hydra")
    sweeper, told = get_nested(hydra, "sweeper"), get_nested(hydra, "overrides", "task")
    if not isinstance(told, list) or "basic_sweeper" not in str(get_nested(sweeper, "_target_")):
        return []
    params = get_nested(sweeper, "params")
    lines = [f"{key}={value}" for key, value in params.items()] if isinstance(params, dict) else []
    try:
        parsed = OverridesParser.create().parse_overrides([*lines, *map(str, told)])
        count = 1
        for override in parsed:
            count *= sum(1 for _ in override.sweep_iterator()) if override.is_sweep_override() else 1
        return [] if count > MOST else BasicSweeper.split_arguments(parsed, None)[0]
    except Exception:  # whatever the parser makes of a file that somebody changed: then nothing is known
        return []
