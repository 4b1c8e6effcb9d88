"""history.jsonl: one line per logged step. It can be read while the run continues and however the run ends."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

from mlqa.result import HISTORY
from mlqa.tracking.protocol import Tracker


class FileTracker(Tracker):
    """A tracker that appends to `<run dir>/history.jsonl`. The run itself writes its other files."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / HISTORY

    def start(self, history: Path | None) -> None:
        """Restore the history of the earlier steps, or remove what another run left.

        Args:
            history: The history.jsonl kept by the checkpoint from which training resumes, else None.
        """
        if history is None:
            self._path.unlink(missing_ok=True)
        else:
            shutil.copyfile(history, self._path)

    def log(self, row: dict[str, float], step: int) -> None:
        """Append a line. A value that is not finite becomes null.

        Args:
            row: Value of each metric.
            step: Number of optimizer steps so far.
        """
        plain = {key: value if math.isfinite(value) else None for key, value in row.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **plain}) + "\n")
