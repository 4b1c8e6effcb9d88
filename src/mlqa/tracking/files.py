"""history.jsonl: one line a logged moment, readable while the run goes on and after any kind of end."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

from mlqa.result import HISTORY
from mlqa.tracking.protocol import Table


class FileTracker:
    """Appends to `<run dir>/history.jsonl`; result.json is written by the run itself."""

    place: dict[str, Any] = {}  # noqa: RUF012  # the run directory itself

    def __init__(self, directory: Path) -> None:
        self._path = directory / HISTORY

    def start(self, history: Path | None) -> None:
        if history is None:
            self._path.unlink(missing_ok=True)
        else:
            shutil.copyfile(history, self._path)

    def log(self, row: dict[str, float], step: int) -> None:
        plain = {key: value if math.isfinite(value) else None for key, value in row.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **plain}) + "\n")

    def log_table(self, table: Table) -> None:
        """Nothing to do: tokenization.json and predictions.json hold more than any table."""

    def finish(self, result: dict[str, Any]) -> None:
        """Nothing to do: every line is on disk already."""
