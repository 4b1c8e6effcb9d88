"""What W&B keeps on this machine of the earlier attempts at a run: rows to read, and rows to cut off.

A file `run-<id>.wandb` has a header of 7 bytes and then records in LevelDB's log format: parts with a header of 7 bytes
(checksum, length, kind) in blocks of 32 KiB. Records are only appended, so a file that ends after any record is valid:
W&B reads it like that of a run that was killed there.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlqa.tracking.names import STEP, rename_metrics

log = logging.getLogger(__name__)

_BLOCK, _HEADER = 1 << 15, 7
_WHOLE, _LAST = 1, 4  # kinds of a part that ends a record
_BESIDE = {STEP, "train/epoch", "cost/usd"}  # what a row has besides its metrics
SET_ASIDE = "set aside by mlqa: a later attempt took the place of this one\n"  # content of a marker. W&B's are empty


class LocalRow(NamedTuple):
    """A logged row, and where its record begins in the file, in bytes."""

    values: dict[str, Any]
    start: int


def set_aside(folders: Iterable[Path]) -> None:
    """Mark what W&B wrote offline as uploaded, so that `mlqa sync` does not upload it.

    Args:
        folders: Of `find_run_dirs`.
    """
    for folder in folders:
        if waits_for_upload(folder):
            for path in folder.glob("*.wandb"):
                path.with_name(f"{path.name}.synced").write_text(SET_ASIDE, "utf-8")


def waits_for_upload(folder: Path) -> bool:
    """Return whether W&B wrote a folder offline and nobody has uploaded it or set it aside."""
    return folder.name.startswith("offline-") and not any(folder.glob("*.synced"))


def is_set_aside(folder: Path) -> bool:
    """Return whether a folder will never be uploaded."""
    return any(path.stat().st_size for path in folder.glob("*.synced"))


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows that W&B wrote into a folder. A table is in its row by its name."""
    return [row.values for path in folder.glob("*.wandb") for row in _iter_rows(path)]


def cut_repeated_rows(folder: Path, history: Sequence[Mapping[str, Any]]) -> int:
    """Cut off what waits for its upload and training will repeat: everything from the first row after a checkpoint.

    Args:
        folder: Of `find_run_dirs`. It is left as it is unless it waits for its upload.
        history: Lines of the history.jsonl from which training resumes.

    Returns:
        How many rows were cut off.
    """
    if not waits_for_upload(folder) or not history:
        return 0
    last = max(row["step"] for row in history)
    at_last = Counter(name for row in history if row["step"] == last for name in rename_metrics(row))
    cut = 0
    for path in folder.glob("*.wandb"):
        rows = list(_iter_rows(path))
        for number, (values, start) in enumerate(rows):
            if _is_repeated(values, last, at_last):
                os.truncate(path, start)
                cut += len(rows) - number
                break
    return cut


def _is_repeated(values: Mapping[str, Any], last: float, at_last: Counter[str]) -> bool:
    """Return whether a row is after the checkpoint. At its own step, the metrics that its history lacks are."""
    step = values.get(STEP)
    if step is None or step < last:
        return False
    if step > last:
        return True
    metrics = {name for name, value in values.items() if isinstance(value, int | float) and not name.startswith("_")}
    names = metrics - _BESIDE
    repeated = any(at_last[name] <= 0 for name in names)
    at_last.subtract(names)
    return repeated


def _iter_rows(path: Path) -> Iterator[LocalRow]:
    from wandb.proto.wandb_internal_pb2 import Record

    for start, content in _iter_records(path.read_bytes()):
        record = Record()
        record.ParseFromString(content)
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            yield LocalRow({".".join(one.nested_key) or one.key: json.loads(one.value_json) for one in items}, start)


def _iter_records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield where each whole record begins, and its bytes. An unfinished one at the end is left out."""
    place, start, parts = _HEADER, 0, b""
    while place + _HEADER <= len(content):
        rest = _BLOCK - place % _BLOCK
        if rest < _HEADER:  # no header fits into the rest of a block
            place += rest
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        if kind == 0 or place + _HEADER + length > len(content):
            return
        if not parts:
            start = place
        parts += content[place + _HEADER : place + _HEADER + length]
        place += _HEADER + length
        if kind in (_WHOLE, _LAST):
            yield start, parts
            parts = b""
