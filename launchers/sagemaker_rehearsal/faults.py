"""Faults on demand, described as data and evaluated only here.

Faults are a JSON object of lists (``--faults FILE``, or POST to /_rehearsal/faults while the service runs), e.g.
    {"throttle": [{"operation": "CreateTrainingJob", "next": 3}], "deny_s3": [{"key": "/data/"}]}
The kinds and their fields are the classes below. A POST adds to the existing faults, and {"clear": true} removes these
first. `job`, and `key` of an S3 object as <bucket>/<key>, are regular expressions that may match anywhere.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from sagemaker_rehearsal.clock import Clock


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
Kind = TypeVar("Kind")
Due = TypeVar("Due", Fail, Interrupt)


class Faults:
    """The faults in force."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # for the counts. The list is replaced as a whole.
        self._all: list[Any] = []

    def add(self, described: Any) -> None:
        """Add faults.

        Args:
            described: The faults as the module's docstring describes them. A single fault needs no list.

        Raises:
            ValueError: They are invalid.
        """
        if not isinstance(described, dict):
            raise ValueError('faults: give a JSON object of lists, e.g. {"throttle": [{...}]}')
        clear = described.get("clear", False)
        if unknown := set(described) - {*KINDS, "clear"}:
            raise ValueError(f"faults: unknown kind {min(unknown)!r}; choose from {', '.join(KINDS)}")
        new = [
            _parse_fault(kind, item)
            for kind, items in described.items()
            if kind != "clear"
            for item in (items if isinstance(items, list) else [items])
        ]
        for fault in new:
            if isinstance(fault, Down | NoCapacity):
                fault.until = self._clock.get_time() + fault.seconds
        with self._lock:
            self._all = [*([] if clear else self._all), *new]

    def should_throttle(self, operation: str) -> bool:
        """Return whether to refuse this call, and count it.

        Args:
            operation: The name of the operation, e.g. CreateTrainingJob.
        """
        with self._lock:
            for fault in self._iter_faults(Throttle):
                if fault.operation not in (operation, "*"):
                    continue
                if fault.next > 0:
                    fault.next -= 1
                    return True
                if fault.per_second is not None:
                    now = self._clock.get_time()
                    if now < fault.free_at:
                        return True
                    fault.free_at = now + 1 / fault.per_second
            return False

    def get_quota(self, instance_type: str) -> int | None:
        """Return the latest quota of an instance type, None if there is none."""
        quotas = [fault.instances for fault in self._iter_faults(Quota) if fault.instance_type == instance_type]
        return quotas[-1] if quotas else None

    def list_quota_types(self) -> set[str]:
        """Return the instance types whose quota a fault sets."""
        return {fault.instance_type for fault in self._iter_faults(Quota)}

    def has_capacity(self, instance_type: str, spot: bool) -> bool:
        """Return whether there are instances of a type now.

        Args:
            instance_type: The instance type.
            spot: Whether they are to be spot instances.
        """
        now = self._clock.get_time()
        return not any(
            fault.instance_type == instance_type and fault.spot in (spot, None) and now < fault.until
            for fault in self._iter_faults(NoCapacity)
        )

    def take_due(self, kind: type[Due], job: str, trained_seconds: float) -> Due | None:
        """Return the fault that fails or interrupts a job now, if there is one, and count it.

        Args:
            kind: Fail or Interrupt.
            job: The name of the job.
            trained_seconds: How long it has been in Training.
        """
        with self._lock:
            for fault in self._iter_faults(kind):
                if trained_seconds >= fault.after_seconds and fault.times > 0 and re.search(fault.job, job):
                    fault.times -= 1
                    return fault
            return None

    def get_delay(self, job: str, phase: str) -> float:
        """Return how many seconds longer a phase of a job lasts.

        Args:
            job: The name of the job.
            phase: Starting, Downloading, Training or Uploading.
        """
        return sum(f.seconds for f in self._iter_faults(Delay) if f.phase == phase and re.search(f.job, job))

    def should_lose_response(self, operation: str) -> bool:
        """Return whether to lose the answer to this executed call of an operation, and count it."""
        with self._lock:
            for fault in self._iter_faults(LoseResponse):
                if fault.operation == operation and fault.next > 0:
                    fault.next -= 1
                    return True
            return False

    def is_down(self) -> bool:
        """Return whether the endpoint answers nothing at all."""
        return any(self._clock.get_time() < fault.until for fault in self._iter_faults(Down))

    def should_deny(self, key: str) -> bool:
        """Return whether S3 denies access to an object.

        Args:
            key: The object as <bucket>/<key>.
        """
        return any(re.search(fault.key, key) for fault in self._iter_faults(DenyS3))

    def is_denied(self, action: str) -> bool:
        """Return whether IAM denies an action."""
        return any(fault.action == action for fault in self._iter_faults(Deny))

    def get_role_state(self, name: str) -> str | None:
        """Return what is wrong with a role, None if nothing is."""
        return next((fault.state for fault in self._iter_faults(Role) if fault.name == name), None)

    def has_image(self, tag: str) -> bool:
        """Return whether ECR has the images of a tag."""
        return not any(fault.tag == tag for fault in self._iter_faults(NoImage))

    def should_truncate_output(self, job: str) -> bool:
        """Return whether to truncate output.tar.gz of a job."""
        return any(re.search(fault.job, job) for fault in self._iter_faults(MalformedOutput))

    def _iter_faults(self, kind: type[Kind]) -> Iterator[Kind]:
        return (fault for fault in self._all if isinstance(fault, kind))


def _parse_fault(kind: str, item: Any) -> Any:
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
