"""What a member reports: its score, time and price, the scores of its items, or why it failed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.files import read_json, write_json
from hydra_racing_sweeper.member_record import format_error, locate_record, make_plain, read_record
from hydra_racing_sweeper.race import Member

Items = dict[str, tuple[float, str]]  # {name: (score, group)}


def record_return(
    member: Member, returned: JobReturn, sweep_dir: Path, cwd: Path, seconds: float, options: RacingSweeperConf
) -> None:
    """Write into a member what its launcher returned of it.

    Args:
        member: The member.
        returned: Its JobReturn.
        sweep_dir: The directory of the sweep.
        cwd: What relative directories are relative to.
        seconds: How long the launcher took for it, in case nothing more exact is known.
        options: The options of the sweeper.
    """
    record = read_record(sweep_dir, member.number) or {}
    record.setdefault("directory", returned.working_dir and str(Path(cwd, returned.working_dir)))
    record.setdefault("seconds", seconds)
    record["overrides"] = member.overrides
    value = returned._return_value
    if returned.status is JobStatus.COMPLETED:
        record.pop("error", None)
        record["value"] = make_plain(value)
    else:
        record.setdefault("error", format_error(value) if isinstance(value, BaseException) else str(value))
    write_json(locate_record(sweep_dir, member.number), record)
    apply_record(member, record, options)


def apply_record(member: Member, record: Mapping[str, Any], options: RacingSweeperConf) -> None:
    """Write into a member what its record says."""
    member.directory = record.get("directory")
    left = _read_result_file(member, options)
    value = record.get("value")
    given = value if isinstance(value, Mapping) else {}
    member.usd = _find_number(options.usd_key, given, left)
    seconds = _find_number(options.seconds_key, given, left)
    member.seconds = seconds if seconds is not None else _parse_number(record.get("seconds"))
    if "error" in record:
        member.reason = str(record["error"])
        member.status = "lost" if _is_to_be_repeated(member.reason, options) else "failed"
        return
    score = _parse_number(value)
    if score is None:
        score = _find_number(options.score_key, given, left if value is None else {})
    if score is None and options.max_replicates > 1:  # a plain grid needs no score
        shown = "nothing" if value is None else repr(value)[:80]
        member.status = "failed"
        member.reason = (
            f"returned {shown}, but a race needs a finite number, or a mapping with {options.score_key!r} "
            "(hydra.sweeper.score_key)"
        )
        return
    member.status, member.score, member.reason = "completed", score, None


def read_items(member: Member, sweep_dir: Path, options: RacingSweeperConf) -> Items:
    """Return the score of each item that a member was tested on, nothing if it reports none."""
    record = read_record(sweep_dir, member.number) or {}
    value = record.get("value")
    scores = value.get("items") if isinstance(value, Mapping) else None
    scale = options.items.scale
    if isinstance(scores, Mapping):
        groups = value.get("groups") if isinstance(value, Mapping) else None
        group_of = groups if isinstance(groups, Mapping) else {}
        return {
            name: (number * scale, str(group_of.get(name, name)))
            for name, score in scores.items()
            if (number := _parse_number(score)) is not None
        }
    if options.items.file is None or member.directory is None:
        return {}
    result = _read_result_file(member, options)
    wanted = {key: _select(result, place) for key, place in options.items.match.items()}
    named_by = options.items.score_named_by
    score_key = options.items.score if named_by is None else _select(result, named_by)
    if None in (score_key, *wanted.values()):  # whose scores the lines are, or which of them, cannot be told
        return {}
    return _read_item_lines(Path(member.directory, options.items.file), str(score_key), wanted, options)


def _read_item_lines(path: Path, score_key: str, wanted: Mapping[str, Any], options: RacingSweeperConf) -> Items:
    found: Items = {}
    try:
        lines = path.read_text("utf-8").splitlines()
        for line in lines:
            row = json.loads(line)
            if any(_select(row, key) != value for key, value in wanted.items()):
                continue
            number = _parse_number(_select(row, score_key))
            if number is None:
                return {}
            name = str(_select(row, options.items.id))
            group = name if options.items.group is None else str(_select(row, options.items.group))
            found[name] = (number * options.items.scale, group)
    except (OSError, ValueError):
        return {}
    return found


def _read_result_file(member: Member, options: RacingSweeperConf) -> Mapping[str, Any]:
    if options.result_file is None or member.directory is None:
        return {}
    content = read_json(Path(member.directory, options.result_file))
    return content if isinstance(content, Mapping) else {}


def _find_number(key: str, *places: Mapping[str, Any]) -> float | None:
    for place in places:
        number = _parse_number(_select(place, key))
        if number is not None:
            return number
    return None


def _select(node: Any, key: str) -> Any:
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _parse_number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def _is_to_be_repeated(reason: str, options: RacingSweeperConf) -> bool:
    return any(re.search(pattern, reason) for pattern in options.repeat_on)
