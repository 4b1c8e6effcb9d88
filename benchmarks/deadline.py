"""End a block of code when its time is up, whatever it is doing, so that a benchmark prints what it has measured."""

from __future__ import annotations

import faulthandler
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 1.0  # seconds until it is raised once more, if a destructor has swallowed it
GRACE = 60.0  # seconds until the process is ended, if a call into a library never returns


class TimeIsUp(BaseException):
    """The time of a block is up. It is no Exception, because libraries catch those and go on."""


@contextmanager
def stop_after(seconds: float) -> Iterator[None]:
    """Raise TimeIsUp in the block after some seconds. Only the main thread may ask for it, on Linux or macOS.

    A call into a library is interrupted when it returns to Python. If it has not done so after `GRACE` further seconds,
    the process ends with a traceback and exit code 1.

    Args:
        seconds: How long the block may take.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, interrupt)
    faulthandler.dump_traceback_later(max(seconds, 0.0) + GRACE, exit=True, file=sys.__stderr__)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()
