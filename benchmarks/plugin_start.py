"""What the launcher's plugin adds to the start of a Hydra app that does not use it.

    python benchmarks/plugin_start.py              --help, --hydra-help and a run, 25 pairs each
    python benchmarks/plugin_start.py --rounds 50

Hydra imports every module below `hydra_plugins` at each start of each app. The app has one key and no config group. It
runs in two folders of packages, which hold Hydra and its dependencies, one of them also the launcher. The two take
turns, the first round is not counted, and the ratio is the median of those of the pairs. On a busy machine seconds
scatter by several per cent, so the number of function calls is also compared: it does not depend on the load.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import distribution
from pathlib import Path

LAUNCHERS = Path(__file__).resolve().parent.parent / "launchers"
HYDRA = ("hydra-core", "omegaconf", "antlr4-python3-runtime", "PyYAML", "packaging")
APP = """
import hydra

@hydra.main(version_base="1.3", config_path=None)
def main(config):
    pass

main()
"""
WAYS = {
    "--help": ["--help"],
    "--hydra-help": ["--hydra-help"],
    "a run": ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none"],
}


def link_packages(folder: Path, with_launcher: bool) -> Path:
    """Link Hydra, its dependencies and perhaps the launcher into a folder.

    Args:
        folder: Where the links go.
        with_launcher: Whether the launcher's packages are also linked.

    Returns:
        The folder.
    """
    folder.mkdir()
    for name in HYDRA:
        source = distribution(name)
        for top in {file.parts[0] for file in source.files or () if ".." not in file.parts}:
            (folder / top).symlink_to(Path(str(source.locate_file(top))))
    if with_launcher:
        for package in ("hydra_plugins", "hydra_sagemaker_launcher", "sagemaker_rehearsal"):
            (folder / package).symlink_to(LAUNCHERS / package)
    return folder


def measure_start(app: Path, arguments: list[str], packages: Path) -> tuple[float, float]:
    """Return the CPU and wall seconds of one whole process. `-S` hides everything else that is installed."""
    command = [sys.executable, "-S", str(app), *arguments]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, cwd=app.parent, env={**os.environ, "PYTHONPATH": str(packages)}, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def count_calls(app: Path, arguments: list[str], packages: Path) -> int:
    """Return the number of function calls of one start."""
    command = [sys.executable, "-S", "-m", "cProfile", str(app), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    done = subprocess.run(command, cwd=app.parent, env=environment, capture_output=True, text=True, check=True)
    return int(re.findall(r"(\d+) function calls", done.stdout)[-1])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    print(f"median of {rounds} pairs: seconds without and with the launcher, and their ratio")
    print(f"{'':14}{'CPU: without    with   ratio':>32}{'wall: without    with   ratio':>34}{'calls: ratio':>14}")
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder, "app.py")
        app.write_text(APP, "utf-8")
        bare = link_packages(Path(folder, "bare"), with_launcher=False)
        full = link_packages(Path(folder, "full"), with_launcher=True)
        for name, arguments in WAYS.items():
            pairs = [
                (measure_start(app, arguments, bare), measure_start(app, arguments, full)) for _ in range(rounds + 1)
            ][1:]
            line = f"{name:14}"
            for clock, width in ((0, 16), (1, 18)):
                without, with_ = zip(*((one[clock], other[clock]) for one, other in pairs), strict=True)
                ratio = statistics.median(other / one for one, other in zip(without, with_, strict=True))
                line += f"{statistics.median(without):{width}.3f}{statistics.median(with_):8.3f}{ratio:8.3f}"
            calls = count_calls(app, arguments, full) / count_calls(app, arguments, bare)
            print(f"{line}{calls:14.3f}", flush=True)


if __name__ == "__main__":
    main()
