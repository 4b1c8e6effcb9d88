"""result.json: what a run says of itself, read by sweepers, launchers, reports and W&B."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mlqa.errors import RunError

SCHEMA_VERSION = 1
FILE = "result.json"
PREDICTIONS = "predictions.json"
HISTORY = "history.jsonl"
TOKENIZATION = "tokenization.json"
NULL_ODDS = "null_odds.json"  # SQuAD 2.0 only
MODEL = "model"  # a folder of a run directory
_PACKAGES = ("mlqa", "torch", "transformers", "tokenizers", "datasets", "accelerate", "hydra-core")


@dataclass
class Result:
    """One run; metrics on the 0-100 scale, times in seconds, money in US dollars."""

    status: str = "failed"  # completed, failed or stopped
    objective: float | None = None  # F1: what a sweeper maximises
    choices: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    config_hash: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    breakdown: dict[str, Any] = field(default_factory=dict)  # official scores by group
    tokenization: dict[str, float] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    tracking: dict[str, Any] = field(default_factory=dict)  # {"wandb": {...}}: where else the run is recorded
    error: str | None = None

    def write(self, run_dir: Path) -> None:
        """Writes result.json, whole or not at all."""
        write_json(run_dir / FILE, {"schema_version": SCHEMA_VERSION, **asdict(self)})


def read_result(run_dir: Path) -> dict[str, Any]:
    """The content of a run's result.json. Raises RunError where there is none."""
    path = run_dir / FILE
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path}: there is no such file; give the directory of a run (outputs/<date>/<time>)") from None
    except ValueError:
        raise RunError(f"{path}: not JSON; the run that wrote it was cut short") from None
    return dict(content)


def take_over(run_dir: Path, config_hash: str) -> Result | None:
    """Makes the directory this run's own, before anything is done in it.

    Returns the result of a completed run with the same settings, which stands. What a run that did not complete has
    left is removed, but for its checkpoints and history. Raises RunError where the directory holds a completed run with
    other settings, or a result.json of another tool: nothing of theirs is touched.
    """
    path = run_dir / FILE
    if not path.exists():
        return None
    way_out = "choose another directory by hydra.run.dir=... (hydra.sweep.dir=...)"
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise RunError(f"{path} is not of this version of mlqa: {way_out}")
    if content.get("status") == "completed":
        if content.get("config_hash") != config_hash:
            raise RunError(f"{run_dir} holds a completed run with other settings: {way_out}, or remove its {FILE}")
        return Result(**{item.name: content[item.name] for item in fields(Result) if item.name in content})
    for name in (FILE, PREDICTIONS, NULL_ODDS, TOKENIZATION):
        (run_dir / name).unlink(missing_ok=True)
    shutil.rmtree(run_dir / MODEL, ignore_errors=True)
    return None


def write_json(path: Path, content: Any) -> None:
    """Writes JSON (UTF-8, readable Turkish) through a temporary file, so that no half of it can be read.

    Raises RunError where the file cannot be written, e.g. on a full disk; what stood there before stays.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", errors="surrogatepass") as file:
            json.dump(content, file, ensure_ascii=False, indent=1, allow_nan=False)
            file.write("\n")
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from None


def compute_run_cost(seconds: float, usd_per_hour: float | None) -> dict[str, Any]:
    """The cost node of a run on this machine; a launcher completes it for the instances that it pays."""
    return {
        "billable_seconds": round(seconds),
        "instance_type": "local",
        "instance_count": 1,
        "usd_per_hour": usd_per_hour,
        "usd": None if usd_per_hour is None else round(seconds / 3600 * usd_per_hour, 4),
        "price_source": "hardware.usd_per_hour",
        "estimate": False,
    }


def collect_versions() -> dict[str, str]:
    """Versions of Python, of what the result depends on, and the commit of the clone it ran from, where known."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    top = Path(__file__).resolve().parents[2]
    if (top / ".git").exists():
        git = ["git", "-C", str(top), "describe", "--always", "--dirty", "--abbrev=12"]
        try:
            found["commit"] = subprocess.run(git, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            pass
    return found
