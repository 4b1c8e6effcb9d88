"""Read which members a multirun was asked for, from the multirun.yaml that Hydra writes before the first one starts.

The launcher's record names a member of this machine only when it begins. After Ctrl-C nobody would miss the others.
"""

from __future__ import annotations

from pathlib import Path

from mlqa.report.reading import read_yaml

FILE = "multirun.yaml"


def read_multirun_overrides(sweep_dir: Path) -> list[list[str]]:
    """Return the overrides of each member, in order.

    Returns:
        One list per member. Empty if there is no multirun.yaml, or if its sweeper chooses members as it goes.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    try:
        hydra = read_yaml(sweep_dir / FILE)["hydra"]
        if "basic_sweeper" not in hydra["sweeper"]["_target_"]:
            return []
        params = [f"{key}={value}" for key, value in (hydra["sweeper"]["params"] or {}).items()]
        parsed = OverridesParser.create().parse_overrides([*params, *hydra["overrides"]["task"]])
        return BasicSweeper.split_arguments(parsed, None)[0]
    except Exception:  # no such file, or somebody changed it: nothing is known
        return []
