"""The service's clock: the machine's, or one that moves only on request."""

from __future__ import annotations

import threading
import time


class Clock:
    """Seconds since the epoch, rounded to milliseconds as in SageMaker's answers.

    A simulated clock starts now and stands still until it is advanced.
    """

    def __init__(self, simulated: bool = False) -> None:
        self.simulated = simulated
        self._lock = threading.Lock()
        self._simulated_now = round(time.time(), 3)

    def get_time(self) -> float:
        """Return the current time."""
        if not self.simulated:
            return round(time.time(), 3)
        with self._lock:
            return round(self._simulated_now, 3)

    def advance(self, seconds: float) -> float:
        """Advance a simulated clock and return its new time.

        Raises:
            ValueError: The clock is the machine's, or `seconds` is negative.
        """
        if not self.simulated:
            raise ValueError("the clock is the machine's; to advance it, start the service with --simulate")
        if seconds < 0:
            raise ValueError(f"advance_seconds={seconds}: time cannot go back; give 0 or more")
        with self._lock:
            self._simulated_now += seconds
            return self._simulated_now
