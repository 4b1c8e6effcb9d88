"""Read which members a multirun was asked for, from the multirun.yaml that Hydra writes before the first one starts.

The launcher's record names a member of this machine only when it begins. After Ctrl-C nobody would miss the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlqa.report.reading import get_nested, read_yaml

FILE = "multirun.yaml"
MOST = 10_000  # nobody starts a larger sweep


def read_multirun_overrides(sweep_dir: Path) -> list[list[str]]:
    """Return the overrides of each member, in order.

    Returns:
        One list per member. Empty if there is no multirun.yaml, or if its sweeper chooses members as it goes.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    hydra: Any = get_nested(read_yaml(sweep_dir / FILE), "hydra")
    sweeper, overrides = get_nested(hydra, "sweeper"), get_nested(hydra, "overrides", "task")
    if not isinstance(overrides, list) or "basic_sweeper" not in str(get_nested(sweeper, "_target_")):
        return []
    params = get_nested(sweeper, "params")
    lines = [f"{key}={value}" for key, value in params.items()] if isinstance(params, dict) else []
    try:
        parsed = OverridesParser.create().parse_overrides([*lines, *map(str, overrides)])
        count = 1
        for override in parsed:
            count *= sum(1 for _ in override.sweep_iterator()) if override.is_sweep_override() else 1
        return [] if count > MOST else BasicSweeper.split_arguments(parsed, None)[0]
    except Exception:  # somebody changed the file: whatever the parser makes of it, nothing is known
        return []
