"""Faults on demand: data, looked at in this one place.

A JSON object of lists (``--faults FILE``, or POST to /_rehearsal/faults while the service runs), e.g.
    {"throttle": [{"operation": "CreateTrainingJob", "next": 3}], "deny_s3": [{"key": "/data/"}]}
The kinds and their fields are the classes below. A POST adds to what is there; {"clear": true} first removes it all.
`job`, and `key` of an S3 object as <bucket>/<key>, are regular expressions that are searched for.
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
    """Refuses the `next` calls of an operation, or all beyond a rate, with ThrottlingException."""

    operation: str
    next: int = 0
    per_second: float | None = None
    free_at: float = 0.0  # when the rate admits another call


@dataclass
class Quota:
    """Sets the number of instances of a type that jobs may hold at a time."""

    instance_type: str
    instances: int


@dataclass
class Fail:
    """Ends a job after some seconds of Training; `internal` as InternalServerError, which RetryStrategy retries."""

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
    """Takes a spot job's instances away after some seconds of Training; capacity is back `wait_seconds` later."""

    job: str
    after_seconds: float
    wait_seconds: float = 0.0
    times: int = 1


@dataclass
class LoseResponse:
    """Carries the `next` calls of an operation out, then drops the connection."""

    operation: str = "CreateTrainingJob"
    next: int = 1


@dataclass
class Down:
    """Closes every connection without an answer, all services, for some seconds from now."""

    seconds: float
    until: float = 0.0


@dataclass
class DenyS3:
    """Answers AccessDenied to every S3 request for matching keys, the service's own included."""

    key: str


@dataclass
class MalformedOutput:
    """Uploads the first half of output.tar.gz for matching jobs."""

    job: str


KINDS: dict[str, type[Any]] = {
    "throttle": Throttle,
    "quota": Quota,
    "fail": Fail,
    "delay": Delay,
    "interrupt": Interrupt,
    "lose_response": LoseResponse,
    "down": Down,
    "deny_s3": DenyS3,
    "malformed_output": MalformedOutput,
}
INTERNAL = {"free_at", "until"}
Kind = TypeVar("Kind")


class Faults:
    """The faults in force. Every question about them is a method here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._all: list[Any] = []

    def add(self, described: Any) -> None:
        """Takes faults as in the module's description. Raises ValueError naming what is wrong with them."""
        if not isinstance(described, dict):
            raise ValueError('faults: give a JSON object of lists, e.g. {"throttle": [{...}]}')
        clear = described.get("clear", False)
        if unknown := set(described) - {*KINDS, "clear"}:
            raise ValueError(f"faults: there is no {min(unknown)!r}; choose from {', '.join(KINDS)}")
        new = [
            _parse_fault(kind, item)
            for kind, items in described.items()
            if kind != "clear"
            for item in _ensure_list(items)
        ]
        for fault in new:
            if isinstance(fault, Down):
                fault.until = self._clock.get_time() + fault.seconds
        with self._lock:
            self._all = [*([] if clear else self._all), *new]

    def should_throttle(self, operation: str) -> bool:
        """Whether this call of an operation is one too many."""
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
        """The quota set last for an instance type; None where none is."""
        with self._lock:
            quotas = [fault.instances for fault in self._iter_faults(Quota) if fault.instance_type == instance_type]
            return quotas[-1] if quotas else None

    def take_failure(self, job: str, trained_seconds: float) -> Fail | None:
        """What ends this job now, if anything does; counts it."""
        return self._take_due(Fail, job, trained_seconds)

    def take_interruption(self, job: str, trained_seconds: float) -> Interrupt | None:
        """What takes this spot job's instances away now, if anything does; counts it."""
        return self._take_due(Interrupt, job, trained_seconds)

    def get_delay(self, job: str, phase: str) -> float:
        """Seconds that a phase of a job lasts longer."""
        with self._lock:
            return sum(f.seconds for f in self._iter_faults(Delay) if f.phase == phase and re.search(f.job, job))

    def should_lose_response(self, operation: str) -> bool:
        """Whether the answer to this call, which has been carried out, gets lost."""
        with self._lock:
            for fault in self._iter_faults(LoseResponse):
                if fault.operation == operation and fault.next > 0:
                    fault.next -= 1
                    return True
            return False

    def is_down(self) -> bool:
        """Whether the endpoint gives no answer at all."""
        with self._lock:
            return any(self._clock.get_time() < fault.until for fault in self._iter_faults(Down))

    def should_deny(self, key: str) -> bool:
        """Whether S3 refuses access to <bucket>/<key>."""
        with self._lock:
            return any(re.search(fault.key, key) for fault in self._iter_faults(DenyS3))

    def should_truncate_output(self, job: str) -> bool:
        """Whether output.tar.gz of this job arrives truncated."""
        with self._lock:
            return any(re.search(fault.job, job) for fault in self._iter_faults(MalformedOutput))

    def _take_due(self, kind: type[Kind], job: str, trained_seconds: float) -> Kind | None:
        with self._lock:
            for fault in self._iter_faults(kind):
                matches: Any = fault
                due = trained_seconds >= matches.after_seconds and matches.times > 0
                if due and re.search(matches.job, job):
                    matches.times -= 1
                    return fault
            return None

    def _iter_faults(self, kind: type[Kind]) -> Iterator[Kind]:
        return (fault for fault in self._all if isinstance(fault, kind))


def _ensure_list(items: Any) -> list[Any]:
    return items if isinstance(items, list) else [items]


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
