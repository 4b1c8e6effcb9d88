"""Read what is recorded of a sweep: who was planned, what has ended, what it cost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlqa.report.reading import coerce_finite, fold_text, read_yaml

MULTIRUN, FILE = "multirun.yaml", "members.jsonl"
NEVER_STARTED = "planned, never started"


@dataclass
class MemberState:
    """A member's latest recorded state."""

    overrides: list[str] = field(default_factory=list)
    job_name: str | None = None
    job_status: str | None = None
    status: str | None = None
    reason: str | None = None

    def explain_missing_result(self) -> tuple[str, str]:
        """Return (status, reason) of a member that left no result.json."""
        if self.status in ("failed", "stopped"):
            return self.status, self.reason or "the launcher recorded no reason"
        if self.status == "completed":
            return "missing", "the launcher recorded it as completed, but its result.json is missing"
        if self.job_status is not None:
            return "missing", f"job {self.job_name} ended as {self.job_status}, its output was not fetched"
        if self.job_name is not None:
            return "missing", f"job {self.job_name} was submitted, no end is recorded"
        return "missing", NEVER_STARTED


@dataclass
class Manifest:
    """The state of every member, and of the sweep as a whole."""

    members: dict[str, MemberState] = field(default_factory=dict)
    spent_usd: float | None = None  # for every job that has ended, failed ones and further attempts included
    # Jobs ran on this machine: the minutes are its own, the dollars what AWS would have charged for them.
    is_rehearsal: bool = False
    problems: list[str] = field(default_factory=list)


def read_manifest(sweep_dir: Path) -> Manifest:
    """Return what multirun.yaml and then the launcher's members.jsonl record.

    Returns:
        The record, empty without the files. Lines that are not events are among its problems.
    """
    asked = enumerate(_read_multirun_overrides(sweep_dir))
    manifest = Manifest({str(number): MemberState(overrides) for number, overrides in asked})
    try:
        lines = (sweep_dir / FILE).read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return manifest
    except OSError as error:
        manifest.problems.append(f"{FILE}: cannot be read: {error.strerror or error}")
        return manifest
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            _apply_event(manifest, event)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            manifest.problems.append(f"{FILE}, line {number}: not an event of the launcher, skipped")
    return manifest


def _read_multirun_overrides(sweep_dir: Path) -> list[list[str]]:
    """Return the overrides of each member by the multirun.yaml that Hydra writes before the first one starts.

    The launcher records a member of this machine only when it begins. After Ctrl-C the others would go unnoticed.

    Returns:
        One list per member. Empty if there is no multirun.yaml, or if its sweeper chooses members as it goes.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    try:
        hydra = read_yaml(sweep_dir / MULTIRUN)["hydra"]
        if "basic_sweeper" not in hydra["sweeper"]["_target_"]:
            return []
        params = [f"{key}={value}" for key, value in (hydra["sweeper"]["params"] or {}).items()]
        parsed = OverridesParser.create().parse_overrides([*params, *hydra["overrides"]["task"]])
        return BasicSweeper.split_arguments(parsed, None)[0]
    except Exception:  # no such file, or somebody changed it: nothing is known
        return []


def _apply_event(manifest: Manifest, event: dict[str, Any]) -> None:
    kind = event["event"]
    if kind == "sweep":
        manifest.is_rehearsal = event.get("service") == "rehearsal"
    if "member" not in event:
        return
    record = manifest.members.setdefault(str(int(event["member"])), MemberState())
    if kind == "planned":
        record.overrides = [str(item) for item in event.get("overrides") or []]
    elif kind == "submitting":
        record.job_name, record.job_status, record.status = event.get("job_name"), None, None
    elif kind == "refused":
        record.job_name = None
    elif kind == "ended":
        is_first = record.job_status is None  # two launches may both see, and record, the end of one job
        record.job_status = event.get("job_status") or "unknown"
        usd = coerce_finite(event.get("usd"))
        if is_first and usd is not None:
            manifest.spent_usd = (manifest.spent_usd or 0.0) + usd
    elif kind == "finished":
        record.status, record.reason = event.get("status"), fold_text(event.get("reason"))
