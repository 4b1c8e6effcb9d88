"""How an attempt at a job may end."""

from __future__ import annotations

from dataclasses import dataclass

TICK = 0.05  # seconds between two checks of a job's processes
LONGEST_REASON = 1024  # of FailureReason in the service model
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."


@dataclass(eq=False)  # exceptions must be hashable
class Ended(Exception):  # noqa: N818 - most endings are not errors
    """An attempt at a job ends.

    Attributes:
        secondary: The secondary status, which may be Interrupted.
        reason: The reason of a failure.
        internal: Whether RetryStrategy retries the failure.
        wait_seconds: How long it takes after an interruption until there is capacity again.
        grace_seconds: The time of the processes between SIGTERM and SIGKILL.
    """

    secondary: str
    reason: str = ""
    internal: bool = False
    wait_seconds: float = 0.0
    grace_seconds: float = 0.0
