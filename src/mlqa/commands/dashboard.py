"""`mlqa dashboard`: a W&B workspace of one sweep."""

from __future__ import annotations

import argparse
import json
import os
import sys

from mlqa.errors import ConfigError

EXAMPLE = """\
examples; the group is the name of the sweep, or tracking.group (see docs/wandb.md):
  mlqa dashboard 2026-11-24_10-00-00
  mlqa dashboard 2026-11-24_10-00-00 --project mlqa --entity my-team
  mlqa dashboard 2026-11-24_10-00-00 --dry-run > workspace.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("group", help="the runs' group in W&B")
    parser.add_argument("--project", help="default: WANDB_PROJECT, else mlqa")
    parser.add_argument("--entity", help="default: WANDB_ENTITY, else that of the key")
    parser.add_argument("--dry-run", action="store_true", help="print the specification; needs no key and no network")


def run(args: argparse.Namespace) -> None:
    from mlqa.tracking.dashboard import build_specification, save_workspace
    from mlqa.tracking.wandb_mode import PROJECT

    if not args.group.strip():
        raise ConfigError("group: is empty; give the name of the sweep as W&B shows it, or tracking.group")
    project = args.project or os.environ.get("WANDB_PROJECT") or PROJECT
    entity = args.entity or os.environ.get("WANDB_ENTITY")
    if args.dry_run:
        json.dump(
            build_specification(args.group, project, entity or "entity"), sys.stdout, ensure_ascii=False, indent=1
        )
        print()
        return
    print(save_workspace(args.group, project, entity))
