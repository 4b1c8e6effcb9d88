"""AWSPriceListService.GetProducts for ML instances.

As in the real list, there are three rows per instance type: training, hosting, and one of zero dollars. A client must
choose the right one. A page has two rows. prices.yaml has the prices and the form of a row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import yaml

from sagemaker_rehearsal.errors import make_validation_error

TABLE = yaml.safe_load(Path(__file__).with_name("prices.yaml").read_text("utf-8"))
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
    template = Template(json.dumps(TABLE["row"]))
    for instance, usd in TABLE["usd_per_hour"].items():
        for kind in TABLE["kinds"]:
            row = template.substitute(
                kind,
                sku=f"{instance}-{kind['usage']}".upper().replace(".", ""),
                instance=instance,
                region=region,
                short=TABLE["short_regions"].get(region, region),
                usd=f"{usd * kind['factor']:.10f}",
            )
            yield json.loads(row)
