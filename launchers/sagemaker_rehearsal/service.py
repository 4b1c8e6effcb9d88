"""What a job and the operations need of the service that runs them."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event

from sagemaker_rehearsal.clock import Clock
from sagemaker_rehearsal.faults import Faults
from sagemaker_rehearsal.options import Options
from sagemaker_rehearsal.storage import Storage


@dataclass(frozen=True)
class Service:
    """The parts of the service."""

    options: Options
    clock: Clock
    faults: Faults
    storage: Storage
    closing: Event
