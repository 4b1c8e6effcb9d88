"""Keep freed memory in the process, so that a step need not ask the system for it again. Imports nothing heavy.

glibc returns a large block to the system as soon as it is freed, and the system clears every page of the next one. A
step of training allocates the same hundreds of megabytes again and again. docs/performance.md has the figures.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

# glibc's names of what malloc does with large blocks (man 3 mallopt).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 2**31 - 1  # bytes at the end of the heap: as good as all
# Up to this many bytes, a block comes from the heap. glibc before 2.35 knows no more than 32 MiB.
FROM_HEAP = (2**30, 2**25)
# Where glibc's own rule soon arrives if large blocks are freed.
USUAL = {M_MMAP_THRESHOLD: 2**25, M_TRIM_THRESHOLD: 2**26}
_CHOSEN_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Let glibc keep what is freed within the block, and give it back at the end.

    Nothing changes with another C library, or if a variable of the user chooses an allocator or its thresholds.
    """
    if platform.libc_ver()[0] != "glibc" or any(os.environ.get(name) for name in _CHOSEN_BY_USER):
        yield
        return
    libc = ctypes.CDLL(None)
    any(libc.mallopt(M_MMAP_THRESHOLD, size) for size in FROM_HEAP)  # the first that this glibc takes
    libc.mallopt(M_TRIM_THRESHOLD, KEPT)
    try:
        yield
    finally:
        for name, size in USUAL.items():
            libc.mallopt(name, size)
        libc.malloc_trim(0)
