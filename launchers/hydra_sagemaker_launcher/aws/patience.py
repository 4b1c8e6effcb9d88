"""Calls that prepare a launch: repeated while AWS cannot be reached, longer if jobs of the sweep may already run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hydra_sagemaker_launcher.aws.error_text import format_aws_error
from hydra_sagemaker_launcher.aws.failures import Failure, classify_failure, find_aws_error, suggest_cure
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.clock import Clock

log = logging.getLogger("sagemaker_launcher")

FIRST_MINUTES = 1.0  # patience before the first job of a sweep: nothing is lost yet, and somebody waits for an answer
_PAUSE = 5.0  # seconds between two attempts, each of which botocore has repeated up to ten times
Answer = TypeVar("Answer")


@dataclass
class Patience:
    """Repeats calls until they are answered or the patience is over.

    Before the first job of a sweep, only a missing answer is waited for. Once jobs may run, everything that a user can
    fix meanwhile is also waited for: expired credentials, a missing right.

    Attributes:
        minutes: How long to repeat a call once jobs may run.
        has_jobs: Whether jobs of the sweep may run.
        clock: The time.
    """

    minutes: float
    has_jobs: Callable[[], bool]
    clock: Clock = field(default_factory=Clock)

    def call(self, aws: Aws, function: Callable[[], Answer]) -> Answer:
        """Make a call until it is answered.

        Args:
            aws: The clients. Their credentials are read again if they are at fault.
            function: Makes the call. It takes its client from `aws` each time.

        Raises:
            Exception: The last error of the call, once the patience is over or if waiting does not help.
        """
        began, is_told, never = self.clock.get_time(), False, threading.Event()
        while True:
            try:
                return function()
            except Exception as error:
                failure, passed = classify_failure(error), self.clock.get_time() - began
                if not self._may_wait(failure, passed):
                    raise
                said, hint = format_aws_error(find_aws_error(error)), suggest_cure(error)
            if not is_told:
                log.warning("AWS cannot be asked (%s); it is tried again for %g minutes%s", said, self._limit, hint)
                is_told = True
            if failure is not Failure.unreachable:
                aws.renew()
            self.clock.wait(_PAUSE, never)

    @property
    def _limit(self) -> float:
        return self.minutes if self.has_jobs() else min(FIRST_MINUTES, self.minutes)

    def _may_wait(self, failure: Failure | None, passed: float) -> bool:
        curable = (Failure.unreachable, Failure.credentials, Failure.clock, Failure.denied)
        return failure in (curable if self.has_jobs() else curable[:1]) and passed < self._limit * 60


def make_impatient() -> Any:
    """Return the patience of a single attempt."""
    return Patience(0.0, lambda: False)
