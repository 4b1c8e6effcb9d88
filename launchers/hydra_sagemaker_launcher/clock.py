"""The launcher's time, which a benchmark or a test can simulate."""

from __future__ import annotations

import threading
import time


class Clock:
    """The machine's clock."""

    def get_time(self) -> float:
        """Return the current time in seconds, from an arbitrary origin."""
        return time.monotonic()

    def wait(self, seconds: float, event: threading.Event) -> None:
        """Wait until the event is set, at most so many seconds."""
        event.wait(seconds)
