"""The options of the service."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The options of `python -m sagemaker_rehearsal`. Times are in seconds unless the name says otherwise."""

    state: Path
    port: int = 0  # 0: any free port
    idle_minutes: float = 10.0
    quotas: dict[str, int] = field(default_factory=dict)  # instance type -> instances, unlimited for other types
    file_systems: dict[str, Path] = field(default_factory=dict)  # id -> folder that stands for its root
    faults: Path | None = None  # JSON, see fault_kinds.py
    processes_per_host: int = 1  # a laptop, not eight GPUs
    stop_seconds: float = 120.0  # between SIGTERM and SIGKILL
    checkpoint_seconds: float = 3.0  # between two uploads of a running job's checkpoints
    python: Path = Path(sys.executable)  # runs the programs of the jobs
    toolkit: Path | None = None  # a Python with sagemaker-training, whose `train` runs the jobs
    simulate: float | None = None  # no processes: every job trains for so long on the simulated clock
    simulated_output: Path | None = None  # the output.tar.gz that simulated jobs leave
