"""A line now and then while many members are composed and checked, before Hydra has set up any log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

PAUSE = 3.0  # seconds between two lines, and before the first: small sweeps say nothing
Item = TypeVar("Item")


def report_progress(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Yield the items, and say on stderr how many are done.

    Args:
        items: What is worked on between one item and the next.
        what: What is done with them, e.g. "checked".
    """
    said = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - said >= PAUSE:
            print(f"{what} {done} of {len(items)} members", file=sys.stderr, flush=True)
            said = time.monotonic()
        yield item
