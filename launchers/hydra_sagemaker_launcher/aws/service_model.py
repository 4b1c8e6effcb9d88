"""What the installed botocore knows of AWS without asking it: SageMaker's API and the names of hosts."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def load_service_model() -> Any:
    """Return botocore's model of SageMaker. It is megabytes of JSON, so a process reads it once."""
    return _open_session().get_service_model("sagemaker")


def find_ecr_host(region: str) -> str | None:
    """Return the host of the container registries of a region. None if botocore knows no partition with it."""
    endpoint = _open_session().get_component("endpoint_resolver").construct_endpoint("ecr", region)
    return endpoint["hostname"] if endpoint else None


@cache
def _open_session() -> Any:
    import botocore.session

    return botocore.session.get_session()
