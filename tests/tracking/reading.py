"""Two independent readers of an offline W&B run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 1 << 15


def records(run_dir: Path) -> Iterator[Any]:
    """Yield each Record of the run's .wandb file: LevelDB's log format after a header of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = run_dir.glob("*.wandb")
    content = file.read_bytes()
    place, open_part = 7, b""
    while place + 7 <= len(content):
        if BLOCK - place % BLOCK < 7:  # the rest of a block that no header fits into
            place += BLOCK - place % BLOCK
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        if place + 7 + length > len(content):  # W&B's own process is still writing it
            return
        open_part += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = Record()
            record.ParseFromString(open_part)
            open_part = b""
            yield record


def read_run(folder: Path) -> dict[str, Any]:
    """Read the only run in a directory to its end, which W&B's process writes after `finish` has returned."""
    end = time.monotonic() + 60
    while (found := by_records(find_run(folder)))["exit_code"] is None and time.monotonic() < end:
        time.sleep(0.1)
    return found


def find_run(folder: Path) -> Path:
    """Return the folder of the only offline run in a run directory."""
    (run,) = [path for path in (folder / "wandb").glob("offline-run-*") if not path.is_symlink()]
    return run


def by_records(run_dir: Path) -> dict[str, Any]:
    """Return {"run": Record's run, "rows": [{name: value}], "summary": {name: value}, "exit_code"}."""
    found: dict[str, Any] = {"rows": [], "summary": {}, "config": {}, "exit_code": None}
    for record in records(run_dir):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found["run"] = record.run
            found["config"] |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        elif kind == "history":
            found["rows"].append({_name(item): json.loads(item.value_json) for item in record.history.item})
        elif kind == "summary":
            found["summary"] |= {_name(item): json.loads(item.value_json) for item in record.summary.update}
        elif kind == "exit":
            found["exit_code"] = record.exit.exit_code
    return found


def _name(item: Any) -> str:
    return ".".join(item.nested_key) or item.key


def by_leet(run_dir: Path, *options: str) -> Any:
    """Return what `wandb leet inspect --json` prints: one JSON value, or one per line."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", str(run_dir), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
