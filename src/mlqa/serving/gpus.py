"""What GPUs compute and draw, by their data sheets (gpus.yaml)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml


@cache
def load_gpus() -> dict[str, dict[str, float]]:
    """Return {name of a GPU: {"tflops", "watts"}} (gpus.yaml)."""
    content: dict[str, dict[str, float]] = yaml.safe_load(Path(__file__).with_name("gpus.yaml").read_text("utf-8"))
    return content
