"""AWSPriceListService.GetProducts for ML instances.

As in the real list, there are three rows per instance type: training, hosting, and one of zero dollars. A client must
choose the right one. A page has two rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sagemaker_rehearsal.errors import make_validation_error

# Dollars per hour on demand for training, at the level of us-east-1, 2026-11.
USD_PER_HOUR = {
    "ml.p3.2xlarge": 3.825,
    "ml.p3.16xlarge": 28.152,
    "ml.g4dn.xlarge": 0.7364,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.12xlarge": 7.09,
    "ml.g5.48xlarge": 20.36,
    "ml.p4d.24xlarge": 25.251,
    "ml.p5.48xlarge": 63.296,
}
SHORT_REGIONS = {
    "us-east-1": "USE1",
    "us-east-2": "USE2",
    "us-west-2": "USW2",
    "eu-west-1": "EU",
    "eu-central-1": "EUC1",
}
PAGE = 2


def get_products(request: dict[str, Any]) -> dict[str, Any]:
    """Answer GetProducts: one page of the rows that satisfy all filters.

    Args:
        request: The request. Only TERM_MATCH filters and the service AmazonSageMaker are supported.

    Raises:
        ServiceError: The request needs another filter or service, or its NextToken is invalid.
    """
    if request["ServiceCode"] != "AmazonSageMaker":
        raise make_validation_error(
            f"ServiceCode {request['ServiceCode']}: the rehearsal service supports only AmazonSageMaker"
        )
    expected: dict[str, str] = {}
    for condition in request.get("Filters", []):
        if condition["Type"] != "TERM_MATCH":
            raise make_validation_error(
                f"filter type {condition['Type']}: the rehearsal service supports only TERM_MATCH"
            )
        expected[condition["Field"]] = condition["Value"]
    token = request.get("NextToken", "0")
    if not token.isdigit():
        raise make_validation_error("Invalid NextToken")
    start = int(token)
    rows = [
        row
        for row in _iter_price_rows(expected.get("regionCode", "us-east-1"))
        if all(_get_attributes(row).get(name) == value for name, value in expected.items())
    ]
    end = start + min(PAGE, request.get("MaxResults", PAGE))
    answer: dict[str, Any] = {"FormatVersion": "aws_v1", "PriceList": [json.dumps(row) for row in rows[start:end]]}
    if end < len(rows):
        answer["NextToken"] = str(end)
    return answer


def _get_attributes(row: dict[str, Any]) -> dict[str, str]:
    product = row["product"]
    return {"productFamily": product["productFamily"], "ServiceCode": row["serviceCode"], **product["attributes"]}


def _iter_price_rows(region: str) -> Iterator[dict[str, Any]]:
    for instance_type, usd in USD_PER_HOUR.items():
        yield _build_price_row(region, instance_type, "Hosting", "Host", round(usd * 1.2, 4))
        yield _build_price_row(region, instance_type, "Training", "TrainFree", 0.0)
        yield _build_price_row(region, instance_type, "Training", "Train", usd)


def _build_price_row(region: str, instance_type: str, component: str, usage: str, usd: float) -> dict[str, Any]:
    short = SHORT_REGIONS.get(region, region)
    sku = f"{instance_type}-{usage}".upper().replace(".", "")
    price = {"unit": "Hrs", "pricePerUnit": {"USD": f"{usd:.10f}"}, "beginRange": "0", "endRange": "Inf"}
    term = {"sku": sku, "priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": price}}
    attributes = {
        "regionCode": region,
        "instanceName": instance_type,
        "instanceType": f"{instance_type}-{component}",
        "platoinstancename": instance_type,
        "platoinstancetype": component,
        "usagetype": f"{short}-{usage}:{instance_type}",
        "servicename": "Amazon SageMaker",
    }
    return {
        "serviceCode": "AmazonSageMaker",
        "product": {"productFamily": "ML Instance", "sku": sku, "attributes": attributes},
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
    }
