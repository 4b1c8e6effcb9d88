"""The names under which trackers show a run: its metrics while it trains, and the summary at its end."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STEP = "train/global_step"
# Nodes of result.json whose entries are the summary "<node>/<entry>".
SUMMARY_NODES = (
    "metrics", "validation", "evaluations", "breakdown", "tokenization", "timing", "cost", "model", "endpoint",
    "dataset", "selection", "versions",
)  # fmt: skip
SUMMARY_VALUES = ("label", "objective", "reported_split", "status", "error")
BEST = ("exact_match", "f1", "exact_match_unseen", "f1_unseen")
_SPLITS = {"eval_": "eval/", "test_": "test/"}


def rename_metrics(row: Mapping[str, Any]) -> dict[str, Any]:
    """Name metrics by what they are of: "eval/f1", "test/f1", "train/loss".

    Args:
        row: Value of each metric, as transformers names it: "eval_f1", "loss".
    """
    named = {}
    for name, value in row.items():
        prefix = next((prefix for prefix in _SPLITS if name.startswith(prefix)), "")
        named[(_SPLITS[prefix] if prefix else "train/") + name.removeprefix(prefix)] = value
    return named


def read_history(path: Path | None) -> list[dict[str, Any]]:
    """Return the lines of a history.jsonl, without one that a kill has cut short. No file has no lines.

    Returns:
        "step" and the metrics of each line, as transformers names them.
    """
    rows = []
    for line in path.read_text("utf-8").splitlines() if path is not None and path.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "step" in row:
            rows.append(row)
    return rows


class BestScores:
    """The best of all evaluations of a run, also of those before an interruption."""

    def __init__(self) -> None:
        self._best: dict[str, float] = {}
        # The last value of each metric, under the name that trackers show. W&B takes the one that it received last,
        # which is not the last one if `mlqa sync` adds a row of an earlier step.
        self.last: dict[str, float] = {}

    def restore(self, history: Path | None) -> None:
        """Take over the scores of the earlier steps.

        Args:
            history: Their history.jsonl, None if there are none.
        """
        for row in read_history(history):
            self.add(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take over the scores of an evaluation.

        Args:
            row: Value of each metric, e.g. of "eval_f1". Others are ignored.
        """
        known = {name: value for name, value in row.items() if name not in ("step", "epoch") and value is not None}
        self.last |= rename_metrics(known)
        for name in BEST:
            if (value := row.get(f"eval_{name}")) is not None:
                self._best[name] = max(value, self._best.get(name, value))

    def build_summary(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Build the summary of a run that has ended.

        Args:
            result: Content of result.json, whatever its status.

        Returns:
            What is known of the nodes in `SUMMARY_NODES`, the values in `SUMMARY_VALUES`, and the best scores. The
            scores of further sets are flat: "evaluations/xquad_tr/f1".
        """
        summary: dict[str, Any] = {}
        for node in SUMMARY_NODES:
            for key, value in result.get(node, {}).items():
                if node == "evaluations":
                    summary |= {f"{node}/{key}/{metric}": number for metric, number in value.items()}
                else:
                    summary[f"{node}/{key}"] = value
        chosen_by = result.get("validation") or result["metrics"]  # a test split is reported, never the best of several
        for name in BEST:
            if (value := chosen_by.get(name)) is not None:
                self._best[name] = max(value, self._best.get(name, value))
        summary |= {f"best/{name}": value for name, value in self._best.items()}
        summary |= {name: result.get(name) for name in SUMMARY_VALUES}
        return {name: value for name, value in summary.items() if value is not None and value != ""}


def find_missing_rows(history: list[dict[str, Any]], logged: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Find the rows of a history that a service lacks.

    Args:
        history: Lines of history.jsonl: "step" and the metrics as transformers names them.
        logged: Rows that the service has, under its own names.

    Returns:
        Rows of `history`, without the metrics that some row of the same step at the service already has. A metric that
        an earlier attempt logged at this step, with a value of its own, is not missing.
    """
    known = {(row.get(STEP), name, normalize_value(value)) for row in logged for name, value in row.items()}
    own_values = {
        (row["step"], name, normalize_value(value)) for row in history for name, value in rename_metrics(row).items()
    }
    others = Counter((step, name) for step, name, value in known if (step, name, value) not in own_values)
    missing: list[dict[str, Any]] = []
    for row in history:
        step = row["step"]
        own = {name: next(iter(rename_metrics({name: None}))) for name in row}
        rest: dict[str, Any] = {}
        for name, value in row.items():
            if name == "step" or value is None or (step, own[name], normalize_value(value)) in known:
                continue
            if others[step, own[name]] > 0:
                others[step, own[name]] -= 1
            else:
                rest[name] = value
        if rest.keys() - {"epoch"}:
            places: dict[str, Any] = {name: row[name] for name in ("step", "epoch") if name in row}
            missing.append({**rest, **places})
    return missing


def normalize_value(value: Any) -> Any:
    """Return a number as the nearest value of 12 digits, because services round, and store integers as floats."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(f"{value:.12g}")
    return str(value)
