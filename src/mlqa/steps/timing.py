"""Measure how long the stages of a run take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from mlqa.result import Result


@contextmanager
def time_stage(result: Result, name: str) -> Iterator[None]:
    """Add the seconds that the block takes to `result.timing[name]`, even if it raises."""
    began = time.monotonic()
    try:
        yield
    finally:
        result.timing[name] = round(result.timing.get(name, 0.0) + time.monotonic() - began, 3)
