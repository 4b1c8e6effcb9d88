"""`hydra-sagemaker catalog`: what instance types cost and have, and which images there are, on which day's word."""

from __future__ import annotations

import argparse
import datetime
import json
import os
from typing import Any, Literal

from hydra_sagemaker_launcher.catalog.instances import count_vcpus, find_instance, load_instances
from hydra_sagemaker_launcher.catalog.price_list import PRICE_LIST_URL, PriceList, fetch_price_list
from hydra_sagemaker_launcher.catalog.prices import list_priced_types, look_up_prices
from hydra_sagemaker_launcher.catalog.release_data import IMAGE_DATA_URL, fetch_images
from hydra_sagemaker_launcher.catalog.releases import load_releases, parse_release
from hydra_sagemaker_launcher.catalog.user_catalog import get_catalog_path, read_catalog, write_catalog
from hydra_sagemaker_launcher.errors import LaunchError

EXAMPLE = """examples:
  hydra-sagemaker catalog show
  hydra-sagemaker catalog show --json
  hydra-sagemaker catalog update
  hydra-sagemaker catalog update --region eu-central-1 us-east-1"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument(
        "action",
        choices=("show", "update"),
        help="show: print what the launcher goes by. update: fetch AWS's public price list and the release data of its "
        "images into a file of your own, which comes before the launcher's rows. It needs no account",
    )
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    parser.add_argument("--region", nargs="+", default=[region], help=f"whose prices (default: {region})")
    parser.add_argument(
        "--json", action="store_true", help="show: print the instances with a price as one JSON object, CPUs also"
    )
    parser.add_argument("--price-list-url", default=PRICE_LIST_URL, help="a mirror of AWS's price list")
    parser.add_argument("--image-data-url", default=IMAGE_DATA_URL, help="a mirror of the images' release data")


def run(args: argparse.Namespace) -> None:
    """Run the command with its parsed arguments."""
    if args.action == "show" and args.json:
        print(json.dumps({"region": args.region[0], "instances": describe_instances(args.region[0])}, indent=1))
    elif args.action == "show":
        _show(args.region[0])
    else:
        _update(args)


def describe_instances(region: str) -> list[dict[str, Any]]:
    """Return what every instance type with a price costs and has.

    Args:
        region: Whose prices. No account is asked.

    Returns:
        A row per type: "instance_type", "gpus", "gpu", "gpu_memory_gb" (of one GPU), "vcpus", "usd_per_hour",
        "price_source" and "estimate". Types without GPUs have 0 GPUs.
    """
    rows = []
    for name, price in look_up_prices([*load_instances(), *list_priced_types(region)], region, None).items():
        instance = find_instance(name)
        if price is not None and instance is not None:
            rows.append(
                {
                    "instance_type": name,
                    "gpus": instance.gpus,
                    "gpu": instance.gpu,
                    "gpu_memory_gb": instance.gpu_memory_gb,
                    "vcpus": count_vcpus(name),
                    "usd_per_hour": price.usd_per_hour,
                    "price_source": price.source,
                    "estimate": price.estimate,
                }
            )
    return rows


def _show(region: str) -> None:
    from rich.console import Console
    from rich.table import Table

    today, path = datetime.date.today(), get_catalog_path()
    updated = read_catalog()["updated"]
    console = Console()
    prices = look_up_prices(load_instances(), region, None)
    instances = Table(title=f"GPU instances, training on demand in {region}", title_justify="left")
    for heading in ("instance type", "GPUs", "GB per GPU", "$/h", "by"):
        justify: Literal["right", "left"] = "right" if heading in ("GB per GPU", "$/h") else "left"
        instances.add_column(heading, justify=justify, no_wrap=heading == "instance type")
    for name, instance in load_instances().items():
        price = prices[name]
        gone = f" (AWS asked its users to leave by {instance.end_of_life})" if instance.end_of_life else ""
        instances.add_row(
            name,
            f"{instance.gpus} x {instance.gpu}",
            str(instance.gpu_memory_gb),
            f"{price.usd_per_hour:g}{'*' if price.estimate else ''}" if price else "?",
            (price.source if price else "") + gone,
        )
    images = Table(title="Images", title_justify="left")
    for heading in ("image", "torch", "CUDA", "smdistributed", "patched until", "tag"):
        images.add_column(heading, overflow="fold", no_wrap=heading in ("image", "patched until"))
    for name, release in load_releases().items():
        end = f"{release.end_of_patch or '?'}" + ("" if release.is_patched(today) else " (over)")
        holds = "yes" if release.smdistributed else "no"
        images.add_row(name, release.torch, release.cuda or "-", holds, end, f"{release.repository}:{release.tag}")
    console.print(instances)
    console.print("* an estimate of us-east-1's level unless the table has a row of this region", highlight=False)
    console.print(images)
    console.print(f"{path}: {f'updated on {updated}' if updated else 'not there'}", highlight=False, soft_wrap=True)


def _update(args: argparse.Namespace) -> None:
    """Fetch everything first, and write only if all of it is there."""
    before, problems = read_catalog(), []
    lists: list[PriceList] = []
    images = []
    try:
        lists = fetch_price_list(args.price_list_url, args.region)
    except LaunchError as error:
        problems += error.problems
    try:
        images = fetch_images(args.image_data_url, datetime.date.today())
    except LaunchError as error:
        problems += error.problems
    if problems:
        raise LaunchError([*problems, f"nothing is changed: {get_catalog_path()}"])
    lines = [line for listed in lists for line in _compare_prices(listed)]
    known = load_releases()
    for release in map(parse_release, images):
        old = known.get(release.name)
        if old is None:
            lines.append(f"image {release.name}: new, torch {release.torch}, patched until {release.end_of_patch}")
            continue
        end = release.end_of_patch or old.end_of_patch  # the data has no days for Hugging Face's older images
        if (old.tag, old.end_of_patch) != (release.tag, end):
            lines.append(f"image {release.name}: {old.tag}, patched until {old.end_of_patch} -> {release.tag}, {end}")
    regions = {
        listed.region: {"published": listed.published, "usd_per_hour": dict(sorted(listed.usd_per_hour.items()))}
        for listed in lists
    }
    path = write_catalog(
        {
            "updated": datetime.date.today(),
            "sources": {"price list": args.price_list_url, "dlc": args.image_data_url},
            "prices": before["prices"] | regions,
            "images": images,
        }
    )
    print("\n".join(lines or ["nothing has changed"]))
    print(f"written: {path}")


def _compare_prices(listed: PriceList) -> list[str]:
    """Return what a price list changes for the launcher, a line each, with one line for all new types."""
    old = look_up_prices(listed.usd_per_hour, listed.region, None)
    lines = []
    for name, usd in sorted(listed.usd_per_hour.items()):
        price = old[name]
        if price is not None and price.usd_per_hour != usd:
            lines.append(f"{listed.region} {name}: ${price.usd_per_hour:g} ({price.source}) -> ${usd:g}")
    new = [name for name in listed.usd_per_hour if old[name] is None]
    gone = [name for name in load_instances() if name not in listed.usd_per_hour]
    heading = f"{listed.region}: AWS's price list of {listed.published} has {len(listed.usd_per_hour)} training prices"
    lines.insert(0, f"{heading}, {len(new)} of them new")
    if gone:
        lines.append(f"{listed.region}: not sold for training on demand: {', '.join(gone)}")
    return lines
