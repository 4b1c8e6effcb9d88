"""The quotas of an account: how many instances of a type its training jobs may use at the same time."""

from __future__ import annotations

import re
from typing import Any

_USAGE = re.compile(r"(?P<type>ml\.\S+) for training job usage")  # spot jobs have quotas of their own


def list_training_quotas(quotas: Any) -> dict[str, float]:
    """Return the quota of each instance type for training on demand.

    Args:
        quotas: A boto3 client of Service Quotas.

    Returns:
        Instances by instance type. A type is missing if Service Quotas has no applied value for it.
    """
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    values = {quota["QuotaName"]: float(quota["Value"]) for page in pages for quota in page["Quotas"]}
    return {match["type"]: value for name, value in values.items() if (match := _USAGE.fullmatch(name))}
