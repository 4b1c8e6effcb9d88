"""Faults on demand, described as data and evaluated in faults.py.

Faults are a JSON object of lists (``--faults FILE``, or POST to /_rehearsal/faults while the service runs), e.g.
    {"throttle": [{"operation": "CreateTrainingJob", "next": 3}], "deny_s3": [{"key": "/data/"}]}
The kinds and their fields are the classes below. A POST adds to the existing faults, and {"clear": true} removes these
first. `job`, and `key` of an S3 object as <bucket>/<key>, are regular expressions that may match anywhere.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields
from typing import Any


@dataclass
class Throttle:
    """Refuses the `next` calls of an operation, or all calls above a rate, with ThrottlingException."""

    operation: str
    next: int = 0
    per_second: float | None = None
    free_at: float = 0.0  # when the rate allows another call


@dataclass
class Quota:
    """Sets the number of instances of a type that jobs may use at the same time."""

    instance_type: str
    instances: int


@dataclass
class NoCapacity:
    """Leaves no instance of a type for some seconds from now, for spot jobs (`spot`), others (false) or both (null)."""

    instance_type: str
    seconds: float = 1e9
    spot: bool | None = None
    until: float = 0.0


@dataclass
class Fail:
    """Fails a job after some seconds of Training. RetryStrategy retries it if `internal` (InternalServerError)."""

    job: str
    reason: str = "AlgorithmError: injected by the rehearsal service, exit code: 1"
    internal: bool = False
    after_seconds: float = 0.0
    times: int = 1_000_000


@dataclass
class Delay:
    """Makes a phase of a job last longer: Starting, Downloading, Training (before the program), Uploading."""

    job: str
    phase: str
    seconds: float


@dataclass
class Interrupt:
    """Interrupts a spot job after some seconds of Training. There is capacity again `wait_seconds` later."""

    job: str
    after_seconds: float
    wait_seconds: float = 0.0
    times: int = 1


@dataclass
class LoseResponse:
    """Executes the `next` calls of an operation, then drops the connection."""

    operation: str = "CreateTrainingJob"
    next: int = 1


@dataclass
class Down:
    """Closes the connections of all services without an answer, for some seconds from now."""

    seconds: float
    until: float = 0.0


@dataclass
class DenyS3:
    """Answers AccessDenied to all S3 requests for matching keys, including the service's own."""

    key: str


@dataclass
class Deny:
    """Denies an IAM action (`sagemaker:StopTrainingJob`): the simulation of policies says so, and IAM's calls fail."""

    action: str


@dataclass
class Role:
    """Makes a role `missing`, or `distrustful`: SageMaker may not take it on."""

    name: str
    state: str


@dataclass
class NoImage:
    """Leaves ECR without the images of a tag."""

    tag: str


@dataclass
class MalformedOutput:
    """Uploads only the first half of output.tar.gz for matching jobs."""

    job: str


# By the kind's name: the class's in lower case, with underscores.
KINDS: dict[str, type[Any]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): kind
    for kind in (
        *(Throttle, Quota, NoCapacity, Fail, Delay, Interrupt, LoseResponse, Down, DenyS3, MalformedOutput),
        *(Deny, Role, NoImage),
    )
}
INTERNAL = {"free_at", "until"}


def parse_fault(kind: str, item: Any) -> Any:
    """Build a fault of a kind from its description.

    Raises:
        ValueError: The description does not fit the kind.
    """
    known = {field.name: field for field in fields(KINDS[kind]) if field.name not in INTERNAL}
    if not isinstance(item, dict) or not set(item) <= set(known):
        raise ValueError(f"faults: {kind}={item!r}: give an object of {', '.join(known)}")
    missing = [name for name, field in known.items() if field.default is MISSING and name not in item]
    if missing:
        raise ValueError(f"faults: {kind}={item!r}: {', '.join(missing)} is missing")
    for name in ("job", "key"):
        try:
            re.compile(item.get(name, ""))
        except (re.error, TypeError) as error:
            raise ValueError(f"faults: {kind}.{name}={item[name]!r}: not a regular expression: {error}") from None
    return KINDS[kind](**item)
