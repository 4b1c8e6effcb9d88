"""What the service is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The options of `python -m sagemaker_rehearsal`; times in seconds unless the name says otherwise."""

    state: Path
    port: int = 0  # 0: any free one
    idle_minutes: float = 10.0
    quotas: dict[str, int] = field(default_factory=dict)  # instance type -> instances; others are unlimited
    faults: Path | None = None  # JSON, see faults.py
    processes_per_host: int = 1  # a laptop, not eight GPUs
    stop_seconds: float = 120.0  # between SIGTERM and SIGKILL
    checkpoint_seconds: float = 3.0  # between two uploads of a running job's checkpoints
    toolkit: Path | None = None  # a Python that has sagemaker-training: its `train` runs the jobs
    simulate: float | None = None  # no process; every job trains so long on the simulated clock
    simulated_output: Path | None = None  # what simulated jobs leave as output.tar.gz
