"""history.jsonl: one line a logged moment, readable while the run goes on and after any kind of end."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any


class FileTracker:
    """Appends to `<run dir>/history.jsonl`; result.json is written by the run itself."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "history.jsonl"

    def start(self, step: int) -> None:
        if not self._path.is_file():
            return
        kept = [line for line in self._path.read_text("utf-8", "replace").splitlines() if _step_of(line) <= step]
        partial = self._path.with_name(self._path.name + ".partial")
        partial.write_text("".join(f"{line}\n" for line in kept if step > 0), "utf-8")
        partial.replace(self._path)

    def log(self, row: dict[str, float], step: int) -> None:
        plain = {key: value if math.isfinite(value) else None for key, value in row.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **plain}) + "\n")

    def finish(self, result: dict[str, Any]) -> None:
        """Nothing to do: every line is on disk already."""


def _step_of(line: str) -> float:
    """The step of a line; infinite for one that was cut short."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
