"""How many threads a process computes with, and how long they spin. Imports nothing heavy.

A step of training is thousands of short parallel loops. At the end of each, OpenMP's threads spin until the last one
arrives. If another process has its core, the others spin for nothing, and a step takes up to 50 times as long.
docs/performance.md has the figures.
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlqa.environment import get_local_world_size

log = logging.getLogger(__name__)

# OpenMP reads them once, when torch loads it.
SPINNING = {
    "GOMP_SPINCOUNT": "4500",  # GNU, in torch's builds for Linux: rounds. Its own default is 300,000
    "KMP_BLOCKTIME": "1",  # LLVM and Intel, in torch's builds for macOS and conda's: milliseconds. The default is 200
}
SMALL_HIDDEN_SIZE = 256  # up to it, half of more than two cores: the loops are too short to share among many
_WAIT_POLICY = "OMP_WAIT_POLICY"
_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Cores:
    """The cores of a machine, and how many of them this process may use.

    Attributes:
        machine: Cores of the machine. The hyperthreads of a core count once.
        usable: What affinity and quotas leave of them, at least 1.
        limit: What leaves the fewest: machine, affinity or quota.
    """

    machine: int
    usable: int
    limit: str


def bound_spinning() -> None:
    """Bound the time that OpenMP's threads spin, unless the user has set a variable for it.

    It does nothing if torch is imported already, because OpenMP has read the variables then.
    """
    if "torch" not in sys.modules and _WAIT_POLICY not in os.environ:
        for name, value in SPINNING.items():
            os.environ.setdefault(name, value)


def limit_threads(hidden_size: int | None) -> dict[str, Any]:
    """Import torch, and let it compute with this process's share of the usable cores.

    A small model computes with half of them, but not with one core if there are two.

    What the user has set by OMP_NUM_THREADS, MKL_NUM_THREADS or `torch.set_num_threads` is never raised, and the
    variables are not lowered either.

    Args:
        hidden_size: The hidden size of the model, None if it has none.

    Returns:
        The entry `threads` of result.json.
    """
    import torch

    cores, processes = count_cores(), get_local_world_size()
    limit = next((name for name in _COUNTS if os.environ.get(name)), None)
    if limit is None:
        usable = cores.usable
        if hidden_size is not None and hidden_size <= SMALL_HIDDEN_SIZE and usable > 2:
            usable, limit = max(2, usable // 2), "small model"
        # torch's own number leaves out what it knows to be slow, e.g. the efficiency cores of a Mac.
        torch.set_num_threads(min(torch.get_num_threads(), max(1, usable // processes)))
    count = torch.get_num_threads()
    if count * processes < cores.machine:
        log.info("computing with %d of %d cores (%s)", count * processes, cores.machine, limit or cores.limit)
    spinning = {name: os.environ[name] for name in (_WAIT_POLICY, *SPINNING) if name in os.environ}
    return {"count": count, "processes": processes, "cores": asdict(cores), "set_by": limit, "spinning": spinning}


def count_cores(proc: Path = Path("/proc"), sys_cpu: Path = Path("/sys/devices/system/cpu")) -> Cores:
    """Count the cores that this process may use: by its CPU affinity, and by the quotas of its cgroups.

    Args:
        proc: Folder of the kernel's files on processes.
        sys_cpu: Folder of the kernel's files on processors.
    """
    every = range(os.cpu_count() or 1)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else every
    counts = {"machine": _count_physical(every, sys_cpu), "affinity": _count_physical(allowed, sys_cpu)}
    quota = _read_quota(proc)
    if quota is not None:
        counts["quota"] = max(1, math.ceil(quota))
    limit = min(counts, key=lambda name: counts[name])  # the first of equal ones
    return Cores(counts["machine"], counts[limit], limit)


def _count_physical(processors: Iterable[int], sys_cpu: Path) -> int:
    """Count the cores that these processors are hyperthreads of. Each is a core if the kernel does not say."""
    cores = set()
    for number in processors:
        try:
            cores.add((sys_cpu / f"cpu{number}" / "topology" / "thread_siblings_list").read_text("ascii").strip())
        except (OSError, ValueError):
            cores.add(str(number))
    return len(cores)


def _read_quota(proc: Path) -> float | None:
    """Return the processors that the smallest quota of this process's cgroups pays for, None if there is none."""
    quotas = [quota for folder in _iter_cgroup_folders(proc) if (quota := _read_cgroup_quota(folder)) is not None]
    return min(quotas, default=None)


def _iter_cgroup_folders(proc: Path) -> Iterator[Path]:
    """Yield the folders of the cgroups that limit the CPU time of this process, each before the one that holds it."""
    try:
        groups = (proc / "self" / "cgroup").read_text("utf-8").splitlines()
        mounts = (proc / "self" / "mountinfo").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return
    paths = {}
    for line in groups:  # e.g. "4:cpu,cpuacct:/docker/1f" of version 1 and "0::/user.slice" of version 2
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers or "cpu" in controllers.split(","):
            paths["cgroup" if controllers else "cgroup2"] = PurePosixPath(path or "/")
    for line in mounts:  # "<id> <id> <device> <root> <mount point> <options> ... - <type> <source> <options>"
        left, _, right = line.partition(" - ")
        fields, (kind, _, options) = left.split(" "), (*right.split(" ", 2), "", "", "")[:3]
        if kind not in paths or len(fields) < 5 or (kind == "cgroup" and "cpu" not in options.split(",")):
            continue
        root, top, own = PurePosixPath(fields[3]), Path(fields[4]), paths[kind]
        # A container sees its own cgroup as the top, and may be told the path outside of it.
        inside = own.relative_to(root) if own.is_relative_to(root) and ".." not in own.parts else PurePosixPath()
        yield top / inside
        yield from (top / parent for parent in inside.parents)


def _read_cgroup_quota(folder: Path) -> float | None:
    """Return the processors that the quota of a cgroup pays for, None if it has no quota."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text("ascii") for name in ("quota", "period"))
        processors = int(quota) / int(period)
    except (OSError, ValueError, ArithmeticError):  # "max" is no quota
        return None
    return processors if processors > 0 else None  # -1 is no quota
