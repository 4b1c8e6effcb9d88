"""The dated tables of this folder: facts that age, kept as YAML so that code need not change with them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def read_data_file(name: str) -> Any:
    """Return the content of a YAML file of this folder, read when it is first asked for.

    Args:
        name: The file's name, e.g. `prices.yaml`.

    Returns:
        The parsed YAML. Callers share it and must not change it.
    """
    return yaml.safe_load(Path(__file__).with_name(name).read_text("utf-8"))
