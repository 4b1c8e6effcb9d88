"""`mlqa dashboard`: a W&B workspace for one sweep, and a W&B report."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from mlqa.errors import ConfigError, RunError

EXAMPLE = """\
examples; a sweep is named by its directory or by its group in W&B, which is its name or tracking.group:
  mlqa dashboard multirun/2026-11-24/10-00-00
  mlqa dashboard multirun/2026-11-24/10-00-00 --report     also a W&B report with what `mlqa report` says
  mlqa dashboard 2026-11-24_10-00-00 --project mlqa --entity my-team
  mlqa dashboard 2026-11-24_10-00-00 --dry-run > workspace.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa dashboard`."""
    parser.add_argument("sweep", help="directory of a sweep, or group of its runs in W&B")
    parser.add_argument("--project", help="W&B project (default: the runs' own, WANDB_PROJECT, else mlqa)")
    parser.add_argument("--entity", help="W&B user or team (default: the runs' own, WANDB_ENTITY, else the key's)")
    parser.add_argument("--report", action="store_true", help="also save a W&B report; needs the directory")
    parser.add_argument("--dry-run", action="store_true", help="print the specification; needs no key and no network")


def run(args: argparse.Namespace) -> None:
    """Save the workspace, update it if there is one, and print its address. With --dry-run, print it as JSON.

    Raises:
        ConfigError: If the sweep is empty or not a directory, it names no group or several projects, or --report is
            given without a directory.
        RunError: If wandb-workspaces is not installed, there is no W&B key, or the directory has no run or no report.
        UnreachableError: If W&B cannot be reached or refuses the workspace.
    """
    from mlqa.tracking.dashboard import build_specification, save_dashboard
    from mlqa.tracking.swept_keys import DEFAULT_KEYS
    from mlqa.tracking.tracked_sweep import TrackedSweep, read_tracked_sweep
    from mlqa.tracking.wandb_mode import PROJECT

    if not args.sweep.strip():
        raise ConfigError("sweep: is empty; give its directory, its name as W&B shows it, or tracking.group")
    folder = Path(args.sweep).expanduser()
    if folder.is_dir():
        sweep = read_tracked_sweep(folder, args.project, args.entity)
    elif args.report:
        raise ConfigError(f"--report: {args.sweep} is not a directory; give that of the sweep whose report to show")
    elif "/" in args.sweep:
        raise ConfigError(f"sweep: {args.sweep}: there is no such directory; give that of a sweep, or a group of W&B")
    else:
        sweep = TrackedSweep(args.sweep)
    project = sweep.project or args.project or os.environ.get("WANDB_PROJECT") or PROJECT
    entity = sweep.entity or args.entity or os.environ.get("WANDB_ENTITY")
    text, pictures = _read_report(sweep.directory) if args.report and sweep.directory else (None, "")
    if args.dry_run:
        keys = sweep.swept or DEFAULT_KEYS
        specification = build_specification(sweep.group, project, entity or "entity", keys, text, bool(pictures))
        print(json.dumps(specification, ensure_ascii=False, indent=1))
        return
    print("\n".join(save_dashboard(sweep.group, project, entity, sweep.swept, text, pictures)))


def _read_report(sweep_dir: Path) -> tuple[str, str]:
    """Return what the report of a sweep says, and its pictures as an HTML document, "" if it has none."""
    from mlqa.report.pictures import collect_pictures

    path, page = (sweep_dir / "report" / name for name in ("results.md", "index.html"))
    try:
        return path.read_text("utf-8"), collect_pictures(page.read_text("utf-8") if page.is_file() else "")
    except OSError:
        raise RunError(f"{path}: cannot be read; write it by: mlqa report {sweep_dir}") from None
