"""Keep freed memory in the process, so that a step need not ask the system for it again. Imports nothing heavy.

glibc returns a large block to the system as soon as it is freed, and the system clears every page of the next one. A
step of training allocates the same hundreds of megabytes again and again, and a tenth of its time was that.
docs/performance.md has the figures.
"""

from __future__ import annotations

import ctypes
import os
import platform

# glibc's names of what malloc does with large blocks (man 3 mallopt).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 2**31 - 1  # bytes at the end of the heap: as good as all
# Up to this many bytes, a block comes from the heap. glibc before 2.35 knows no more than 32 MiB.
FROM_HEAP = (2**30, 2**25)
_CHOSEN_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed, unless a variable of the user chooses an allocator or its thresholds.

    The process never shrinks afterwards. Its peak stays about the same.

    Returns:
        Whether it is so: False with another C library and if the user has chosen.
    """
    if platform.libc_ver()[0] != "glibc" or any(os.environ.get(name) for name in _CHOSEN_BY_USER):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return any(mallopt(M_MMAP_THRESHOLD, size) for size in FROM_HEAP) and bool(mallopt(M_TRIM_THRESHOLD, KEPT))
