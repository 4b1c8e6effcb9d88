"""What the example does at the end of a sweep: `hydra.launcher.on_sweep_end=report.print_best`."""

from __future__ import annotations

import json
from pathlib import Path


def print_best(sweep_dir: str) -> None:
    """Prints the member with the smallest error, and writes it to best.json; members.jsonl tells of all of them."""
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
    found = {"member": number, "overrides": overrides[number], "error": errors[number], "of": len(overrides)}
    Path(sweep_dir, "best.json").write_text(json.dumps(found) + "\n", "utf-8")
    print(f"best of {found['of']}: #{number} {' '.join(overrides[number])}, error {errors[number]:.4f}")
