"""SageMaker's own rules for a request, by botocore's service model: what it would refuse is known before a call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hydra_sagemaker_launcher.aws.service_model import load_service_model


def find_violations(request: dict[str, Any]) -> list[str]:
    """Return a line for everything in a CreateTrainingJob request that SageMaker's service model does not allow.

    botocore itself checks types, unknown and missing keys. Ranges, lengths, patterns and the allowed values are checked
    here if botocore has no objection.
    """
    from botocore.validate import ParamValidator

    shape = load_service_model().operation_model("CreateTrainingJob").input_shape
    report = ParamValidator().validate(request, shape)
    lines = report.generate_report().splitlines() if report.has_errors() else _check_value(request, shape, "")
    return [f"CreateTrainingJob: {' '.join(line.split())}" for line in lines]


def _check_value(value: Any, shape: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind in ("integer", "long", "float", "double") and (limits := _find_limits(value, shape)):
        yield f"{path}={value}: SageMaker takes {limits}"
    if kind in ("list", "map", "string") and (limits := _find_limits(len(value), shape)):
        yield f"{path}: {len(value)} long; SageMaker takes {limits}"
    if kind == "structure":
        for key, item in value.items():
            yield from _check_value(item, shape.members[key], f"{path}.{key}".lstrip("."))
    elif kind == "list":
        for number, item in enumerate(value):
            yield from _check_value(item, shape.member, f"{path}[{number}]")
    elif kind == "map":
        for key, item in value.items():
            yield from _check_value(key, shape.key, f"{path} (key {key})")
            yield from _check_value(item, shape.value, f"{path}.{key}")
    elif kind == "string":
        if shape.enum and value not in shape.enum:
            yield f"{path}={value}: SageMaker does not know this value"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(_translate_pattern(pattern), value, re.DOTALL):
            yield f"{path}={value}: SageMaker takes another form ({pattern})"


def _find_limits(size: float, shape: Any) -> str | None:
    """Return the limits of a shape, e.g. `0 to 512`, if a size is beyond them."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is None or size >= low) and (high is None or size <= high):
        return None
    return f"{low or 0} {'or more' if high is None else f'to {high}'}"


def _translate_pattern(pattern: str) -> str:
    """Return a pattern of the service model with its Unicode classes in Python's notation."""
    for java, python in {r"\p{L}": r"\w", r"\p{Z}": r"\s", r"\p{N}": r"\d"}.items():
        pattern = pattern.replace(java, python)
    return pattern
