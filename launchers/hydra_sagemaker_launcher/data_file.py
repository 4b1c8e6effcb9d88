"""The launcher's tables: facts that age or grow, kept as YAML so that code need not change with them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def read_data_file(name: str) -> Any:
    """Return the content of a YAML file of this package, read when it is first asked for.

    Args:
        name: The file's path below this folder, e.g. `catalog/prices.yaml`.

    Returns:
        The parsed YAML. Callers share it and must not change it.
    """
    return yaml.safe_load((Path(__file__).parent / name).read_text("utf-8"))
