"""mlqa.json in the folder of a model: how it reads and answers, to score it without its run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ANSWERING = "mlqa.json"


def read_answering(model: str | None) -> dict[str, Any]:
    """Return how the model of a run reads and answers.

    Args:
        model: A folder with a model, or a name of the hub.

    Returns:
        `reading` and `may_give_none`, or nothing if no run left it there.
    """
    try:
        content = json.loads((Path(model or "").expanduser() / ANSWERING).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and isinstance(content.get("reading"), dict) else {}
