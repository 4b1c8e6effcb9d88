"""The faults in force: which of them concerns a call, a job or an object. fault_kinds.py describes the kinds."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

from sagemaker_rehearsal.clock import Clock
from sagemaker_rehearsal.fault_kinds import (
    KINDS,
    Delay,
    Deny,
    DenyS3,
    Down,
    Fail,
    Interrupt,
    LoseResponse,
    MalformedOutput,
    NoCapacity,
    NoImage,
    Quota,
    Role,
    Throttle,
    parse_fault,
)

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
            described: The faults as fault_kinds.py describes them. A single fault needs no list.

        Raises:
            ValueError: They are invalid.
        """
        if not isinstance(described, dict):
            raise ValueError('faults: give a JSON object of lists, e.g. {"throttle": [{...}]}')
        clear = described.get("clear", False)
        if unknown := set(described) - {*KINDS, "clear"}:
            raise ValueError(f"faults: unknown kind {min(unknown)!r}; choose from {', '.join(KINDS)}")
        new = [
            parse_fault(kind, item)
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
