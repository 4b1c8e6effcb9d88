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
    parser.add_argument("--project", help="W&B project (default: WANDB_PROJECT, else mlqa)")
    parser.add_argument("--entity", help="W&B user or team (default: WANDB_ENTITY, else the key's own)")
    parser.add_argument("--report", action="store_true", help="also save a W&B report; needs the directory")
    parser.add_argument("--dry-run", action="store_true", help="print the specification; needs no key and no network")


def run(args: argparse.Namespace) -> None:
    """Save the workspace, update it if there is one, and print its address. With --dry-run, print it as JSON.

    Raises:
        ConfigError: If the sweep is empty, or --report is given without its directory.
        RunError: If wandb-workspaces is not installed, there is no W&B key, or the sweep has no report yet.
        UnreachableError: If W&B cannot be reached or refuses the workspace.
    """
    from mlqa.tracking.dashboard import build_specification, save_dashboard
    from mlqa.tracking.swept_keys import DEFAULT_KEYS, read_swept_keys
    from mlqa.tracking.wandb_mode import PROJECT

    if not args.sweep.strip():
        raise ConfigError("sweep: is empty; give its directory, its name as W&B shows it, or tracking.group")
    folder = Path(args.sweep).expanduser()
    group, swept = args.sweep, None
    if folder.is_dir():
        group, swept = find_group(folder), read_swept_keys(folder) or DEFAULT_KEYS
    elif args.report:
        raise ConfigError(f"--report: {args.sweep} is no directory; give that of the sweep, whose report it shows")
    project = args.project or os.environ.get("WANDB_PROJECT") or PROJECT
    entity = args.entity or os.environ.get("WANDB_ENTITY")
    if args.dry_run:
        specification = build_specification(group, project, entity or "entity", swept or DEFAULT_KEYS)
        print(json.dumps(specification, ensure_ascii=False, indent=1))
        return
    text = _read_report(folder) if args.report else None
    print("\n".join(save_dashboard(group, project, entity, swept, text)))


def find_group(sweep_dir: Path) -> str:
    """Return the group of a sweep's runs: what its members were told, or else the directory's name with its date.

    Args:
        sweep_dir: Directory of the multirun.
    """
    from omegaconf import OmegaConf

    from mlqa.tracking.identity import name_sweep

    for path in sorted(sweep_dir.glob("**/.hydra/config.yaml")):
        told = OmegaConf.select(OmegaConf.load(path), "tracking.group")
        if told:
            return str(told)
    return os.environ.get("WANDB_RUN_GROUP") or name_sweep(sweep_dir)


def _read_report(sweep_dir: Path) -> str:
    path = sweep_dir / "report" / "results.md"
    try:
        return path.read_text("utf-8")
    except OSError:
        raise RunError(f"{path}: cannot be read; write it by: mlqa report {sweep_dir}") from None
