"""Questions as a file of rows, as users have them."""

from __future__ import annotations

import json
from pathlib import Path

from mlqa.data.examples import Examples


def write_rows(path: Path, examples: Examples) -> Path:
    """Write JSON if the name says so, else JSON lines."""
    rows = [
        {"id": examples.ids[row], "question": examples.questions[row], "context": examples.get_context(row),
         "answers": {"text": [answer.text for answer in examples.answers[row]],
                     "answer_start": [answer.start for answer in examples.answers[row]]}}
        for row in range(len(examples))
    ]  # fmt: skip
    path.write_text(json.dumps(rows) if path.suffix == ".json" else "\n".join(map(json.dumps, rows)), "utf-8")
    return path
