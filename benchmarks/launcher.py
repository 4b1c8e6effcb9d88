"""Measure what the launcher costs the client: calls, seconds and memory of a large sweep over hours.

    python benchmarks/launcher.py                              100 members for one hour and two, 500 for one
    python benchmarks/launcher.py --sweeps 500x1               one sweep: 500 members for an hour
    python benchmarks/launcher.py --sweeps --dry-runs 1 40 500 dry runs of mlqa's own train.py alone

The whole launcher runs with its default intervals, as it would on AWS. Hydra composes every member, and
AWS_ENDPOINT_URL points to the rehearsal service, whose jobs only follow a timetable here. One thing is replaced: the
clock of the control loop. Instead of waiting, it advances the clock of the service, so that an hour takes seconds. All
figures are measured in the client's process, except the calls, which the service counts.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from measuring import build_parser, finish, parse_arguments, report_progress
from omegaconf import DictConfig
from rows import Row

from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.jobs import control_loop

FIGURES = "LAUNCHER_BENCHMARK_FIGURES"  # names the file that a sweep writes its figures to
POLLING = ("ListTrainingJobs",)  # all other calls are made once per member or once per sweep
PACE = 1.0  # seconds between two submissions: the launcher's default

ConfigStore.instance().store(
    name="benchmark", node={"seed": 0, "hardware": {"instance_type": "ml.g5.xlarge", "max_hours": 24}}
)


class SimulatedClock(Clock):
    """Clock that advances when the control loop waits, here and at the service."""

    latest: SimulatedClock

    def __init__(self) -> None:
        """Start the clock, and measure the client's time from now on."""
        self.seconds = 0.0
        self.cpu_before, self.wall_before = time.process_time(), time.monotonic()
        self.is_fetching: Callable[[], bool] = lambda: False
        SimulatedClock.latest = self

    def get_time(self) -> float:
        """Return the simulated seconds since the start."""
        return self.seconds

    def wait(self, seconds: float, event: threading.Event) -> None:
        """Advance the clock, or wait for downloads, which take no simulated time."""
        if self.is_fetching():
            event.wait(1.0)
            return
        import sagemaker_rehearsal

        sagemaker_rehearsal.call(os.environ["AWS_ENDPOINT_URL"], "clock", {"advance_seconds": seconds})
        self.seconds += seconds


@hydra.main(version_base="1.3", config_path=None, config_name="benchmark")
def run_member(config: DictConfig) -> float:
    """Stand in for a member, which never runs because its job is simulated."""
    raise NotImplementedError


def run_sweep() -> None:
    """Run the sweep of the command line in this process, and write its figures to the file that FIGURES names."""

    class Control(control_loop.Control):
        def __init__(self, *arguments: Any) -> None:
            clock = SimulatedClock()
            *given, _, is_open = arguments
            super().__init__(*given, clock, is_open)
            clock.is_fetching = lambda: bool(self._fetches._in_progress)

    control_loop.Control = Control  # type: ignore[misc]
    started = time.monotonic()
    run_member()
    clock, ended = SimulatedClock.latest, time.monotonic()
    figures = {
        "simulated_hours": clock.seconds / 3600,
        "cpu_before": clock.cpu_before,
        "cpu": time.process_time() - clock.cpu_before,
        "wall_before": clock.wall_before - started,
        "wall": ended - clock.wall_before,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        / (1 << 20 if sys.platform == "darwin" else 1024),
    }
    Path(os.environ[FIGURES]).write_text(json.dumps(figures), "utf-8")


def measure_sweep(members: int, hours: float, folder: Path) -> dict[str, Any]:
    """Run a sweep that takes `hours` from the first submission to the last end, in a process of its own."""
    import sagemaker_rehearsal

    output = folder / "output.tar.gz"
    with tarfile.open(output, "w:gz") as archive:
        content = json.dumps({"status": "COMPLETED", "return_value": 0.5, "error": None}).encode()
        entry = tarfile.TarInfo("job_return.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    job_seconds = hours * 3600 - members * PACE
    url = sagemaker_rehearsal.start(folder / "service", simulate=job_seconds, simulated_output=output)
    try:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
        environment |= {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "rehearsal",
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_REGION": "us-east-1",
            "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/rehearsal",
            FIGURES: str(folder / "figures.json"),
        }
        command = [sys.executable, str(Path(__file__).resolve()), "-m", "hydra/launcher=sagemaker"]
        command += [f"seed=range({members})", f"hydra.sweep.dir={folder / 'sweep'}"]
        with (folder / "client.log").open("w") as log:
            done = subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log)
        if done.returncode != 0:
            sys.exit((folder / "client.log").read_text("utf-8")[-2000:])
        figures = json.loads((folder / "figures.json").read_text("utf-8"))
        return {**figures, "calls": sagemaker_rehearsal.call(url, "calls")}
    finally:
        sagemaker_rehearsal.stop(folder / "service")


def measure_dry_run(members: int, folder: Path) -> tuple[float, float]:
    """Return the CPU and wall seconds of `python train.py -m ... hydra.launcher.dry_run=true`, without an account."""
    train = Path(__file__).resolve().parents[1] / "train.py"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    command = [sys.executable, str(train), "-m", f"seed=range({members})", "hardware=p3", f"hydra.sweep.dir={folder}"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [*command, "hydra.launcher.dry_run=true"],
        env=environment | {"AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(done.stderr[-2000:])
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, ended - started


def read_sweep(text: str) -> tuple[int, float]:
    """Read a sweep as the command line names it, e.g. "500x1": its members and hours."""
    members, hours = text.split("x")
    if float(hours) * 3600 <= int(members) * PACE:
        raise argparse.ArgumentTypeError(f"{text}: one member is submitted per second; give more hours")
    return int(members), float(hours)


def main() -> None:
    """Measure each sweep."""
    parser = build_parser(__doc__)
    sweeps = [(100, 1.0), (100, 2.0), (500, 1.0)]
    parser.add_argument("--sweeps", nargs="*", type=read_sweep, default=sweeps, metavar="MEMBERSxHOURS")
    parser.add_argument("--dry-runs", nargs="*", type=int, default=[1, 40, 500], metavar="MEMBERS")
    args = parse_arguments(parser, sweeps=[(2, 0.1)], dry_runs=[2])
    rows = []
    for members, hours in args.sweeps:
        with tempfile.TemporaryDirectory(prefix="launcher-benchmark-") as folder:
            figures = measure_sweep(members, hours, Path(folder))
        what, calls = f"a sweep of {members} members for {hours:g} simulated h", figures["calls"]
        report_progress(f"{what}: over after {figures['simulated_hours']:.2f} h; calls: {calls}")
        rows += [
            Row(f"{what}: until the first submission", [figures["wall_before"]]),
            Row(f"{what}: until the first submission, CPU", [figures["cpu_before"]]),
            Row(f"{what}: from then on", [figures["wall"]]),
            Row(f"{what}: from then on, CPU", [figures["cpu"]]),
            Row(f"{what}: memory at the peak", [figures["memory_mb"]], unit="MB"),
            Row(f"{what}: calls", [sum(calls.values())], unit=""),
            Row(f"{what}: calls of these that poll", [sum(calls.get(name, 0) for name in POLLING)], unit=""),
        ]
    for members in args.dry_runs:
        with tempfile.TemporaryDirectory(prefix="launcher-benchmark-") as folder:
            cpu, wall = measure_dry_run(members, Path(folder))
        report_progress(f"a dry run of {members} members: {cpu:.1f} CPU s")
        rows += [
            Row(f"a dry run of {members} members", [wall]),
            Row(f"a dry run of {members} members, CPU", [cpu]),
        ]
    finish(rows, args)


if __name__ == "__main__":
    if FIGURES in os.environ:
        run_sweep()
    else:
        main()
