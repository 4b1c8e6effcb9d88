"""A member on its way through SageMaker: what is known of it, and where it stands."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hydra_sagemaker_launcher.catalog.prices import Price
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.member import Member


class State(Enum):
    waiting = "waiting"
    unknown = "looking"  # an earlier client may have submitted it
    running = "running"
    ended = "fetching"  # what it left is on its way
    finished = "finished"


@dataclass(eq=False)  # each is itself
class Job:
    """A member that runs on SageMaker, and where it stands."""

    member: Member
    request: dict[str, Any]
    price: Price | None
    worst_case: float | None  # dollars
    state: State = State.waiting
    name: str | None = None
    phase: str = ""  # SageMaker's secondary status
    began: float | None = None  # on the clock's time: when its instances were first seen at work
    description: dict[str, Any] | None = None
    stop_asked: bool = False
    misses: int = 0  # looks in a row at which SageMaker knew no such job
    not_before: float = 0.0
    outcome: Outcome | None = None

    @property
    def kind(self) -> tuple[str, bool]:
        """What quotas go by: the instance type, and whether it is a spot instance."""
        assert self.member.hardware is not None
        return self.member.hardware.instance_type, self.member.hardware.spot


class Clock:
    """Time as the loop sees it; a benchmark puts a simulated one in its place."""

    def get_time(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float, event: threading.Event) -> None:
        event.wait(seconds)
