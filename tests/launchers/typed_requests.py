"""The judge of requests: sagemaker-core's typed shapes, which the launcher does without.

`watch()` makes every request that this process builds pass it. The import of sagemaker-core takes seconds, so it waits
for the first request.
"""

from __future__ import annotations

import typing
from functools import cache
from typing import Any

from hydra_sagemaker_launcher.request import training_job


def watch() -> None:
    """Judge every request to which SageMaker's service model has no objection."""
    find_violations = training_job.find_violations

    def find_violations_and_judge(request: dict[str, Any]) -> list[str]:
        violations = find_violations(request)
        if not violations:
            judge(request)
        return violations

    training_job.find_violations = find_violations_and_judge


def judge(request: dict[str, Any]) -> None:
    """Parse a request into typed shapes and back. Raises what pydantic raises, AssertionError if something differs."""
    hints = _hints_of_create()
    assert set(request) <= set(hints), set(request) - set(hints)
    for key, value in request.items():
        assert _dump(_parse(value, hints[key])) == value, key


def judge_created(description: dict[str, Any]) -> None:
    """Judge the request of a job by what DescribeTrainingJob answers, which is everything but its tags."""
    judge({key: value for key, value in description.items() if key in _hints_of_create()})


@cache
def _hints_of_create() -> dict[str, Any]:
    """{parameter of CreateTrainingJob: type}, from the signature of sagemaker-core's TrainingJob.create."""
    from sagemaker.core import resources
    from sagemaker.core.utils.utils import snake_to_pascal

    hints = typing.get_type_hints(resources.TrainingJob.create.__wrapped__)
    return {snake_to_pascal(name): hint for name, hint in hints.items()}


def _parse(value: Any, hint: Any) -> Any:
    """A value as the type says: shapes for structures, and what pydantic is to check for anything else."""
    from pydantic import BaseModel
    from sagemaker.core.utils.utils import snake_to_pascal

    if isinstance(value, list):
        (item,) = (typing.get_args(part)[0] for part in _parts(hint) if typing.get_origin(part) is list)
        return [_parse(inner, item) for inner in value]
    shapes = [part for part in _parts(hint) if isinstance(part, type) and issubclass(part, BaseModel)]
    if not isinstance(value, dict) or not shapes:
        return value
    (shape,) = shapes
    names = {snake_to_pascal(name): (name, field.annotation) for name, field in shape.model_fields.items()}
    return shape(**{names[key][0]: _parse(inner, names[key][1]) for key, inner in value.items()})


def _parts(hint: Any) -> list[Any]:
    """The members of a union, however deep; a type that is none has itself."""
    if typing.get_origin(hint) is typing.Union:
        return [part for inner in typing.get_args(hint) for part in _parts(inner)]
    return [hint]


def _dump(value: Any) -> Any:
    """The plain form of shapes, with every field that was given."""
    from pydantic import BaseModel
    from sagemaker.core.utils.utils import snake_to_pascal

    if isinstance(value, BaseModel):
        return {snake_to_pascal(name): _dump(getattr(value, name)) for name in value.model_fields_set}
    return [_dump(item) for item in value] if isinstance(value, list) else value
