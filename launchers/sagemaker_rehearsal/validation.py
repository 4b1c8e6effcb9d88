"""Validation of requests by botocore's service model: members, types, enums, patterns, lengths and ranges.

botocore's own validator checks no enums, patterns and upper limits. The messages have the form of the service: "1
validation error detected: Value 'x' at 'y' failed to satisfy constraint: ...". Unlike the service, which ignores them,
the rehearsal refuses unknown members, because they are typing errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from sagemaker_rehearsal.errors import make_validation_error

# Java's character classes, which Python's re lacks, as they are written inside [...].
JAVA_CLASSES = {r"\p{Alnum}": "a-zA-Z0-9", r"\p{L}": r"\w", r"\p{Z}": r"\s", r"\p{N}": r"\d"}
# All other types of a shape are numbers, timestamps included.
TYPES = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int, "long": int}


@cache
def load_service_model(service: str) -> ServiceModel:
    """Return botocore's description of a service."""
    return botocore.session.get_session().get_service_model(service)


def validate_request(service: str, operation: str, request: Any) -> None:
    """Validate a request by the service model.

    Args:
        service: botocore's name of the service.
        operation: The operation.
        request: The parsed request.

    Raises:
        ServiceError: The request is invalid. This ValidationException lists all problems.
    """
    problems = list(_check_value(load_service_model(service).operation_model(operation).input_shape, request, ""))
    if problems:
        errors = "error" if len(problems) == 1 else "errors"
        raise make_validation_error(f"{len(problems)} validation {errors} detected: {'; '.join(problems)}")


def _check_value(shape: Shape | None, value: Any, at: str) -> Iterator[str]:
    if shape is None:
        return
    fits = isinstance(value, TYPES.get(shape.type_name, (int, float)))
    if not fits or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield _format_problem(value, at, f"Member must be of type {shape.type_name}")
    elif isinstance(shape, StructureShape):
        yield from _check_structure(shape, value, at)
    elif isinstance(shape, ListShape):
        yield from _check_range(shape, len(value), value, at, "length")
        for number, item in enumerate(value, start=1):
            yield from _check_value(shape.member, item, f"{at}.{number}.member")
    elif isinstance(shape, MapShape):
        yield from _check_range(shape, len(value), value, at, "length")
        for key, item in value.items():
            for part, name, inner in ((shape.key, "keys", key), (shape.value, "values", item)):
                for problem in _check_value(part, inner, at):
                    constraint = problem.partition("failed to satisfy constraint: ")[2]
                    yield _format_problem(value, at, f"Map {name} must satisfy constraint: [{constraint}]")
    elif shape.type_name == "string":
        yield from _check_string(shape, value, at)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _check_range(shape, value, value, at, "value")


def _check_structure(shape: StructureShape, value: dict[str, Any], at: str) -> Iterator[str]:
    prefix = f"{at}." if at else ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield _format_problem(None, prefix + _lower_first(name), "Member must not be null")
    for name, inner in value.items():
        if name not in shape.members:
            yield _format_problem(inner, prefix + _lower_first(name), f"there is no such member of {shape.name}")
        elif inner is not None:
            yield from _check_value(shape.members[name], inner, prefix + _lower_first(name))


def _check_string(shape: Shape, value: str, at: str) -> Iterator[str]:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield _format_problem(value, at, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    yield from _check_range(shape, len(value), value, at, "length")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compile_pattern(pattern).fullmatch(value):
        yield _format_problem(value, at, f"Member must satisfy regular expression pattern: {pattern}")


def _check_range(shape: Shape, size: float, value: Any, at: str, what: str) -> Iterator[str]:
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    if minimum is not None and size < minimum:
        yield _format_problem(value, at, f"Member must have {what} greater than or equal to {minimum}")
    if maximum is not None and size > maximum:
        yield _format_problem(value, at, f"Member must have {what} less than or equal to {maximum}")


@cache
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    for java, python in JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _format_problem(value: Any, at: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{at}' failed to satisfy constraint: {constraint}"


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
