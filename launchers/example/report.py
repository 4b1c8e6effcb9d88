"""The function that the example calls at the end of a sweep: `hydra.launcher.on_sweep_end=report.print_best`."""

from __future__ import annotations

import json
from pathlib import Path


def print_best(sweep_dir: str) -> None:
    """Print the member with the smallest error, and write it to best.json.

    Args:
        sweep_dir: The sweep's directory. Its members.jsonl holds everything that has happened to each member.
    """
    events = [json.loads(line) for line in Path(sweep_dir, "members.jsonl").read_text("utf-8").splitlines()]
    overrides = {event["member"]: event["overrides"] for event in events if event["event"] == "planned"}
    errors = {
        event["member"]: event["return_value"]
        for event in events
        if event["event"] == "finished" and event["status"] == "completed"
    }
    if not errors:
        return
    number = min(errors, key=lambda member: (errors[member], member))
    best = {"member": number, "overrides": overrides[number], "error": errors[number], "of": len(overrides)}
    Path(sweep_dir, "best.json").write_text(json.dumps(best) + "\n", "utf-8")
    print(f"best of {best['of']}: #{number} {' '.join(overrides[number])}, error {errors[number]:.4f}")
