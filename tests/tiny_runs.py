"""Run mlqa on very small data: in this process, or as a user does on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from forked import python

from mlqa.config.compose import compose_config
from mlqa.experiment import run

TOP = Path(__file__).resolve().parents[1]
# With it a tiny run takes half the time that it takes with the quickstart's 128 hidden units.
TINY_MODEL = ["model.scratch.num_hidden_layers=1", "model.scratch.hidden_size=32", "model.scratch.intermediate_size=64"]
TINY = [
    "experiment=quickstart",
    "dataset.sample.train_rows=120",
    "dataset.sample.validation_rows=30",
    "training.num_train_epochs=1",
    "training.logging_steps=2",
    *TINY_MODEL,
]


def run_here(tmp_path: Path, *overrides: str) -> dict[str, Any]:
    config, choices = compose_config([*TINY, *overrides])
    config.training.output_dir = str(tmp_path)
    run(config, choices)
    return dict(json.loads((tmp_path / "result.json").read_text("utf-8")))


def train(tmp_path: Path, *arguments: str, cold: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `python train.py ...` as a user does. cold: in a new interpreter with nothing loaded."""
    command = [*([sys.executable] if cold else python("training")), str(TOP / "train.py"), *arguments]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment)


def read_contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, by its path in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
