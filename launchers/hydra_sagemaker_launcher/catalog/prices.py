"""What an instance costs an hour, and what a job has cost.

SageMaker bills BillableTimeInSeconds of every instance at the on-demand price; a spot job's billable time is the
shorter for its discount.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hydra_sagemaker_launcher.catalog.hardware import Hardware

log = logging.getLogger(__name__)

API = "aws pricing api"
TABLE = "table 2026-11"
CONFIG = "hardware.usd_per_hour"

# Dollars an hour on demand, at the level of us-east-1 in November 2026.
_TABLE = {
    "ml.p3.2xlarge": 3.825,
    "ml.p3.8xlarge": 14.688,
    "ml.p3.16xlarge": 28.152,
    "ml.p3dn.24xlarge": 35.894,
    "ml.p4d.24xlarge": 25.251,
    "ml.p5.48xlarge": 63.296,
    "ml.g4dn.xlarge": 0.7364,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g4dn.4xlarge": 1.505,
    "ml.g4dn.8xlarge": 2.72,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g4dn.16xlarge": 5.44,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.4xlarge": 2.03,
    "ml.g5.8xlarge": 3.06,
    "ml.g5.12xlarge": 7.09,
    "ml.g5.16xlarge": 5.12,
    "ml.g5.24xlarge": 10.18,
    "ml.g5.48xlarge": 20.36,
    "ml.g6.xlarge": 1.127,
    "ml.g6.2xlarge": 1.222,
    "ml.g6.4xlarge": 1.654,
    "ml.g6.12xlarge": 5.752,
    "ml.g6.24xlarge": 8.344,
    "ml.g6.48xlarge": 16.688,
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.m5.12xlarge": 2.765,
    "ml.m5.24xlarge": 5.53,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836,
    "ml.c5.18xlarge": 3.672,
}


@dataclass(frozen=True)
class Price:
    """Dollars an hour of one instance, and who says so."""

    usd_per_hour: float
    source: str
    estimate: bool


def look_up_prices(types: Iterable[str], region: str, pricing: Any | None) -> dict[str, Price | None]:
    """The on-demand price of training on each instance type; None where nobody knows it.

    `pricing` is a boto3 client of the AWS Pricing API, or None. Where that API cannot be asked (credentials, rights,
    network) or has no such row, a dated table answers with an estimate: us-east-1's level, whatever the region.
    """
    found: dict[str, Price | None] = {}
    for instance_type in dict.fromkeys(types):
        usd = None
        if pricing is not None:
            try:
                usd = _query_pricing_api(instance_type, region, pricing)
            except _get_query_errors() as error:
                log.warning("no prices from the AWS Pricing API, estimates stand in: %s", _summarize_error(error))
                pricing = None  # the next type would wait as long for the same answer
        if usd is not None:
            found[instance_type] = Price(usd, API, estimate=False)
        elif instance_type in _TABLE:
            found[instance_type] = Price(_TABLE[instance_type], TABLE, estimate=True)
        else:
            found[instance_type] = None
    return found


def resolve_price(hardware: Hardware, known: Mapping[str, Price | None]) -> Price | None:
    """The price that counts for a member: its own hardware.usd_per_hour, or else what `prices` found."""
    if hardware.usd_per_hour is not None:
        return Price(hardware.usd_per_hour, CONFIG, estimate=False)
    return known.get(hardware.instance_type)


def compute_cost(
    seconds: float,
    instance_type: str,
    instance_count: int,
    price: Price | None,
    *,
    training_seconds: float | None = None,
    spot: bool = False,
) -> dict[str, Any]:
    """The `cost` node of result.json.

    In: the billable seconds of one instance. Out: dollars of all instances, to four decimals, null where the price is
    unknown; of a spot job with `training_seconds` also `spot_saving`, the proportion of its time that was not billed.
    """
    usd = None if price is None else round(seconds * instance_count * price.usd_per_hour / 3600, 4)
    node: dict[str, Any] = {
        "billable_seconds": round(seconds),
        "instance_type": instance_type,
        "instance_count": instance_count,
        "usd_per_hour": None if price is None else price.usd_per_hour,
        "usd": usd,
        "price_source": None if price is None else price.source,
        "estimate": price is not None and price.estimate,
    }
    if spot and training_seconds:
        node["spot_saving"] = round(1 - seconds / training_seconds, 4)
    return node


def compute_worst_case(hardware: Hardware, price: Price | None) -> float | None:
    """Dollars of a job that runs until it is stopped by hardware.max_hours, on demand; None without a price."""
    return None if price is None else hardware.instance_count * hardware.max_hours * price.usd_per_hour


def _query_pricing_api(instance_type: str, region: str, pricing: Any) -> float | None:
    """The training price in the Pricing API; the highest, should it list several."""
    wanted = {"productFamily": "ML Instance", "regionCode": region, "instanceName": instance_type}
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode="AmazonSageMaker",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()],
    )
    rows = (json.loads(row) for page in pages for row in page["PriceList"])  # each row is JSON in a string
    return max(
        (usd for row in rows if _is_training(row, instance_type) for usd in _iter_on_demand_prices(row)), default=None
    )


def _is_training(row: Mapping[str, Any], instance_type: str) -> bool:
    attributes = row.get("product", {}).get("attributes", {})
    kind = attributes.get("platoinstancetype") or attributes.get("component")  # the older name
    return kind == "Training" or str(attributes.get("usagetype", "")).endswith(f"Train:{instance_type}")


def _iter_on_demand_prices(row: Mapping[str, Any]) -> Iterator[float]:
    """The on-demand prices of a row; free tiers and other currencies left out."""
    for term in row.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            usd = float(dimension.get("pricePerUnit", {}).get("USD", 0))
            if usd > 0 and math.isfinite(usd):
                yield usd


def _get_query_errors() -> tuple[type[Exception], ...]:
    """What asking can raise: botocore's own errors, and those of an answer that is not what it should be."""
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError, ValueError, KeyError, TypeError, AttributeError)


def _summarize_error(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
