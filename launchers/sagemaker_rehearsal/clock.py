"""The service's clock: the machine's, or one that only moves when told to."""

from __future__ import annotations

import threading
import time


class Clock:
    """Seconds since the epoch, to the millisecond as the service gives them.

    A simulated clock starts now and stands still until it is advanced.
    """

    def __init__(self, simulated: bool = False) -> None:
        self.simulated = simulated
        self._lock = threading.Lock()
        self._simulated_now = round(time.time(), 3)

    def get_time(self) -> float:
        """The present time."""
        if not self.simulated:
            return round(time.time(), 3)
        with self._lock:
            return round(self._simulated_now, 3)

    def advance(self, seconds: float) -> float:
        """Moves a simulated clock forward and returns its new time. Raises ValueError for the machine's clock."""
        if not self.simulated:
            raise ValueError("the clock is the machine's; start the service with --simulate to advance it")
        if seconds < 0:
            raise ValueError(f"advance_seconds={seconds}: time goes forward; give 0 or more")
        with self._lock:
            self._simulated_now += seconds
            return self._simulated_now
