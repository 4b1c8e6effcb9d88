"""How many cores of this machine the service and its jobs may use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath


def count_cores(proc: Path = Path("/proc"), sys_cpu: Path = Path("/sys/devices/system/cpu")) -> int:
    """Count the cores that this process may use: by its CPU affinity, and by the quotas of its cgroups.

    Args:
        proc: Folder of the kernel's files on processes.
        sys_cpu: Folder of the kernel's files on processors.

    Returns:
        The number of cores, at least 1. The hyperthreads of a core count once.
    """
    every = range(os.cpu_count() or 1)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else every
    quotas = filter(None, (_read_cgroup_quota(folder) for folder in _iter_cgroup_folders(proc)))
    return min([_count_physical(allowed, sys_cpu), *(math.ceil(quota) for quota in quotas)])


def _count_physical(processors: Iterable[int], sys_cpu: Path) -> int:
    """Count the cores that these processors are hyperthreads of. Each is a core if the kernel does not say."""
    cores = set()
    for number in processors:
        try:
            cores.add((sys_cpu / f"cpu{number}" / "topology" / "thread_siblings_list").read_text("ascii").strip())
        except (OSError, ValueError):
            cores.add(str(number))
    return len(cores)


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
