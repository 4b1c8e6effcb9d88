"""`mlqa dashboard`: a W&B workspace for one sweep."""

from __future__ import annotations

import argparse
import json
import os

from mlqa.errors import ConfigError

EXAMPLE = """\
examples; the group is the sweep's name or tracking.group (see docs/wandb.md):
  mlqa dashboard 2026-11-24_10-00-00
  mlqa dashboard 2026-11-24_10-00-00 --project mlqa --entity my-team
  mlqa dashboard 2026-11-24_10-00-00 --dry-run > workspace.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa dashboard`."""
    parser.add_argument("group", help="group of the runs in W&B")
    parser.add_argument("--project", help="W&B project (default: WANDB_PROJECT, else mlqa)")
    parser.add_argument("--entity", help="W&B user or team (default: WANDB_ENTITY, else the key's own)")
    parser.add_argument("--dry-run", action="store_true", help="print the specification; needs no key and no network")


def run(args: argparse.Namespace) -> None:
    """Save the workspace and print its address. With --dry-run, print its specification as JSON.

    Raises:
        ConfigError: If the group is empty.
        RunError: If wandb-workspaces is not installed, or there is no W&B key.
        UnreachableError: If W&B cannot be reached or refuses the workspace.
    """
    from mlqa.tracking.dashboard import build_specification, save_workspace
    from mlqa.tracking.wandb_mode import PROJECT

    if not args.group.strip():
        raise ConfigError("group: is empty; give the sweep's name as W&B shows it, or tracking.group")
    project = args.project or os.environ.get("WANDB_PROJECT") or PROJECT
    entity = args.entity or os.environ.get("WANDB_ENTITY")
    if args.dry_run:
        specification = build_specification(args.group, project, entity or "entity")
        print(json.dumps(specification, ensure_ascii=False, indent=1))
    else:
        print(save_workspace(args.group, project, entity))
