"""What an instance costs per hour, and what a job has cost.

SageMaker bills BillableTimeInSeconds of every instance at the on-demand price. The discount of a spot job is that its
billable time is shorter.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.user_catalog import read_catalog
from hydra_sagemaker_launcher.data_file import read_data_file

log = logging.getLogger(__name__)

API = "aws pricing api"
CONFIG = "hardware.usd_per_hour"
_TABLE_REGION = "us-east-1"  # whose level stands for regions without a row


@dataclass(frozen=True)
class Price:
    """What one instance costs per hour, and who says so."""

    usd_per_hour: float
    # API, CONFIG, the user's catalog ("aws price list 2026-11-28") or the package's ("table 2026-11"). In a rehearsal
    # "rehearsal (...)".
    source: str
    estimate: bool


def look_up_prices(types: Iterable[str], region: str, pricing: Any | None) -> dict[str, Price | None]:
    """Look up the on-demand price of training on each instance type.

    If the AWS Pricing API cannot be asked (credentials, rights, network) or has no such row, the user's catalog answers
    with what AWS's price list said when the catalog was updated, and then prices.yaml with an estimate.

    Args:
        types: Instance types, e.g. `ml.g5.xlarge`.
        region: The region of the jobs.
        pricing: A boto3 client of the AWS Pricing API. If None, only the catalogs are asked.

    Returns:
        A price per type. None if it is unknown.
    """
    prices: dict[str, Price | None] = {}
    for instance_type in dict.fromkeys(types):
        usd = None
        if pricing is not None:
            try:
                usd = _query_pricing_api(instance_type, region, pricing)
            except _get_query_errors() as error:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
                log.warning("the AWS Pricing API cannot be asked, so prices are estimates: %s", reason)
                pricing = None  # the next type would wait as long for the same answer
        known = Price(usd, API, estimate=False) if usd is not None else None
        prices[instance_type] = known or _read_catalog_price(instance_type, region)
    return prices


def list_priced_types(region: str) -> list[str]:
    """Return the instance types that a dated catalog has a price of: the user's, or else the package's."""
    table = read_data_file("catalog/prices.yaml")["prices"]
    listed = read_catalog()["prices"].get(region, {"usd_per_hour": {}})["usd_per_hour"]
    return sorted({*listed, *table.get(region, {}), *table[_TABLE_REGION]})


def _read_catalog_price(instance_type: str, region: str) -> Price | None:
    """Return the price that a dated catalog gives. None if none does."""
    listed = read_catalog()["prices"].get(region)
    if listed is not None and instance_type in listed["usd_per_hour"]:
        return Price(listed["usd_per_hour"][instance_type], f"aws price list {listed['published']}", estimate=False)
    table = read_data_file("catalog/prices.yaml")["prices"]
    row = table.get(region, {}).get(instance_type) or table[_TABLE_REGION].get(instance_type)
    return Price(row["usd_per_hour"], f"table {row['date']}", estimate=True) if row else None


def resolve_price(hardware: Hardware, prices: Mapping[str, Price | None]) -> Price | None:
    """Return the price that counts for a member: its own hardware.usd_per_hour, or else what `look_up_prices` found."""
    if hardware.usd_per_hour is not None:
        return Price(hardware.usd_per_hour, CONFIG, estimate=False)
    return prices.get(hardware.instance_type)


def mark_rehearsal(price: Price) -> Price:
    """Return a price whose source says that it is not paid. It stays the price that AWS would have billed."""
    return replace(price, source=f"rehearsal ({price.source})")


def compute_cost(hardware: Hardware, price: Price | None, description: Mapping[str, Any]) -> dict[str, Any]:
    """Compute the `cost` node of result.json for an ended job: BillableTimeInSeconds x instances x price.

    Args:
        hardware: The job's hardware. Each of its instances is billed.
        price: The price of one instance. If None, the dollars are null.
        description: SageMaker's answer to DescribeTrainingJob.

    Returns:
        The node, with the dollars of all instances to four decimals. `spot_saving` of a spot job is the proportion of
        its training time that was not billed.
    """
    seconds, trained = description.get("BillableTimeInSeconds") or 0, description.get("TrainingTimeInSeconds")
    node: dict[str, Any] = {
        "billable_seconds": round(seconds),
        "instance_type": hardware.instance_type,
        "instance_count": hardware.instance_count,
        "usd_per_hour": price and price.usd_per_hour,
        "usd": price and round(seconds * hardware.instance_count * price.usd_per_hour / 3600, 4),
        "price_source": price and price.source,
        "estimate": price is not None and price.estimate,
    }
    if hardware.spot and trained:
        node["spot_saving"] = round(1 - seconds / trained, 4)
    return node


def compute_worst_case(hardware: Hardware, price: Price | None) -> float | None:
    """Return the dollars of a job that runs until hardware.max_hours stops it, on demand. None without a price."""
    return None if price is None else hardware.instance_count * hardware.max_hours * price.usd_per_hour


def compute_warm_pool_cost(hardware: Hardware, price: Price | None, seconds: float) -> float:
    """Return the dollars of a warm pool that waits so many seconds for a next job. 0 without a price."""
    return 0.0 if price is None else hardware.instance_count * seconds * price.usd_per_hour / 3600


def _query_pricing_api(instance_type: str, region: str, pricing: Any) -> float | None:
    """Return the training price of the Pricing API. It is the highest if there are several, None if there is none."""
    expected = {"productFamily": "ML Instance", "regionCode": region, "instanceName": instance_type}
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode="AmazonSageMaker",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in expected.items()],
    )
    rows = (json.loads(row) for page in pages for row in page["PriceList"])  # each row is JSON in a string
    return max(
        (usd for row in rows if _is_training(row, instance_type) for usd in iter_on_demand_prices(row)), default=None
    )


def _is_training(row: Mapping[str, Any], instance_type: str) -> bool:
    attributes = row.get("product", {}).get("attributes", {})
    kind = attributes.get("platoinstancetype") or attributes.get("component")  # the older name
    return kind == "Training" or str(attributes.get("usagetype", "")).endswith(f"Train:{instance_type}")


def iter_on_demand_prices(row: Mapping[str, Any]) -> Iterator[float]:
    """Yield the on-demand prices of a row, without free tiers and other currencies."""
    for term in row.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            usd = float(dimension.get("pricePerUnit", {}).get("USD", 0))
            if usd > 0 and math.isfinite(usd):
                yield usd


def _get_query_errors() -> tuple[type[Exception], ...]:
    """Return what a query can raise: botocore's errors, and those of an answer in an unexpected form."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return (BotoCoreError, ClientError, ResponseParserError, ValueError, KeyError, TypeError, AttributeError)
