"""What an error of AWS or boto3 says: its code, its message, its HTTP status."""

from __future__ import annotations

from typing import Any


def get_error_code(error: BaseException) -> str:
    """Return AWS's code of an error, e.g. ThrottlingException, or the name of its class if no service raised it."""
    return str(_get_node(error, "Error").get("Code", type(error).__name__))


def format_aws_error(error: BaseException) -> str:
    """Format what a service or boto3 said as one line."""
    text = str(_get_node(error, "Error").get("Message", error))
    return f"{get_error_code(error)}: {' '.join(text.split())}".rstrip(". ")


def get_http_status(error: BaseException) -> int | None:
    """Return the HTTP status of a service's answer. None if no service answered."""
    return _get_node(error, "ResponseMetadata").get("HTTPStatusCode")


def _get_node(error: BaseException, name: str) -> dict[str, Any]:
    """Return a node of a service's answer. It is empty if no service answered: response is then None."""
    response = getattr(error, "response", None)
    return dict(response.get(name, {})) if isinstance(response, dict) else {}
