"""`mlqa card`: write the model card of a run and the statement on its data, and publish the model on the hub."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.errors import ConfigError, RunError

if TYPE_CHECKING:
    from mlqa.publishing.push import Upload

EXAMPLE = """\
examples:
  mlqa card outputs/2026-11-23/10-00-00                        model/README.md and model/data_statement.md
  mlqa card outputs/2026-11-23/10-00-00 --license apache-2.0
  mlqa card outputs/2026-11-23/10-00-00 --push owner/name      shows what would be uploaded, and asks
  mlqa card outputs/2026-11-23/10-00-00 --push owner/name --private --yes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa card`."""
    parser.add_argument("run_dir", help="directory of a completed run")
    parser.add_argument("--license", metavar="ID", help="of the model, as the hub names it (default: the base model's)")
    parser.add_argument("--watts", type=float, help="power of the machine, for the CO2 (default: by its hardware)")
    parser.add_argument(
        "--grams-per-kwh",
        type=float,
        metavar="G",
        help="CO2 of the electricity there (default: the world's mean)",
    )
    parser.add_argument("--push", metavar="OWNER/NAME", help="upload model, tokenizer, card and result to the hub")
    parser.add_argument("--private", action="store_true", help="--push: create a private repository")
    parser.add_argument("--yes", action="store_true", help="--push: upload without asking")


def run(args: argparse.Namespace) -> None:
    """Write the card, and upload it with the model if that is asked for and confirmed.

    Raises:
        ConfigError: The options do not fit together, or the hub refuses.
        RunError: The directory holds no completed run, or something must not be uploaded.
        UnreachableError: The hub cannot be reached.
    """
    problems = []
    if args.push is None and (args.yes or args.private):
        problems.append("card: --yes and --private belong to --push owner/name: give it as well")
    for name, value in (("watts", args.watts), ("grams-per-kwh", args.grams_per_kwh)):
        if value is not None and not value > 0:
            problems.append(f"card: --{name}={value:g}: choose more than 0")
    if args.license is not None:
        from mlqa.publishing.licences import check_licence

        try:
            args.license = check_licence(args.license)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(problems)
    if args.push is not None:
        from mlqa.publishing.push import check_repository

        check_repository(args.push)
        if not args.yes and not sys.stdin.isatty():
            raise ConfigError("card: --push asks before it uploads, and there is no terminal to answer in: give --yes")

    run_dir = Path(args.run_dir).expanduser()
    _write(args, run_dir)
    if args.push is not None:
        _push(args, run_dir)


def _write(args: argparse.Namespace, run_dir: Path) -> None:
    import logging

    from mlqa.publishing.card import build_card
    from mlqa.publishing.data_statement import build_data_statement
    from mlqa.publishing.emissions import GRAMS_PER_KWH, estimate_emissions
    from mlqa.publishing.run_facts import read_run_facts
    from mlqa.result import CARD, DATA_STATEMENT, MODEL
    from mlqa.serving.launcher import list_instances

    facts = read_run_facts(run_dir)
    instances: list[dict[str, Any]] = []
    try:
        instances = list_instances()
    except RunError as error:
        logging.getLogger(__name__).warning("no estimate of CO2 on AWS: %s", error)
    emissions = estimate_emissions(facts.result, instances, args.watts, args.grams_per_kwh or GRAMS_PER_KWH)
    for name, card in (
        (CARD, build_card(facts, args.license, emissions, args.push)),
        (DATA_STATEMENT, build_data_statement(facts)),
    ):
        path = run_dir / MODEL / name
        try:
            card.save(path)
        except OSError as error:
            raise RunError(f"{path}: cannot be written: {error.strerror or error}") from None
        print(f"written: {path}")
    if not args.license and not facts.model_facts.get("licence"):
        print("the card states no licence; say which licence holds before you publish it: --license, e.g. apache-2.0")


def _push(args: argparse.Namespace, run_dir: Path) -> None:
    from mlqa.publishing.push import open_hub, push, stage_upload

    api, user = open_hub()
    with tempfile.TemporaryDirectory() as scratch:
        upload = stage_upload(run_dir, args.push, Path(scratch))
        _show(upload, f"{api.endpoint}/{args.push}", user, args.private)
        if not args.yes and input("Upload? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing was uploaded")
            return
        print(f"uploaded: {push(api, upload, args.private)}")


def _show(upload: Upload, address: str, user: str, private: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"to {address}, {'private' if private else 'public'}, as {user}:", highlight=False, soft_wrap=True)
    table = Table()
    table.add_column("file")
    table.add_column("MB", justify="right")
    for name, size in upload.files:
        table.add_row(name, f"{size / 1e6:.2f}")
    table.add_section()
    table.add_row(f"{len(upload.files)} files", f"{sum(size for _, size in upload.files) / 1e6:.2f}")
    console.print(table)
    console.print("searched for secrets and for folders of this machine: none found", highlight=False)
