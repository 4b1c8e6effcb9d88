"""Ctrl-C and SIGTERM: the same to a sweep, but for the exit code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupt_on_sigterm() -> Iterator[list[int]]:
    """Within, SIGTERM is a Ctrl-C; the list is not empty after one. Main thread only; elsewhere nothing changes."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

    def handle(number: int, _: object) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield caught
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def get_exit_code(interrupt: KeyboardInterrupt, caught: list[int]) -> int:
    """128 + the signal's number: SIGTERM's where our handler has met it, or the task function's own."""
    return 143 if caught or type(interrupt).__name__ == "Terminated" else 130
