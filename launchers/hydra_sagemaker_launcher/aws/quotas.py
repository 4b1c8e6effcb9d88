"""The quotas of an account: how many instances of a type its training jobs may use at the same time."""

from __future__ import annotations

import re
from typing import Any

from hydra_sagemaker_launcher.aws.answers import read_field

_USAGE = re.compile(r"(?P<type>ml\.\S+) for (?P<spot>spot )?training job usage")


def list_training_quotas(quotas: Any) -> dict[tuple[str, bool], float]:
    """Return the quota of each instance type, for training on demand and for spot.

    Args:
        quotas: A boto3 client of Service Quotas.

    Returns:
        Instances by instance type and whether it is for spot. A type is missing if Service Quotas has no applied value
        for it.

    Raises:
        MalformedAnswerError: An answer holds no quotas.
    """
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    values = {quota["QuotaName"]: float(quota["Value"]) for page in pages for quota in read_field(page, "Quotas")}
    matches = {_USAGE.fullmatch(name): value for name, value in values.items()}
    return {(match["type"], match["spot"] is not None): value for match, value in matches.items() if match}
