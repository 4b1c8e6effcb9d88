"""How every benchmark measures: one command line, rounds that alternate, clocks, memory, and processes of their own."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rows import Row, print_rows, write_markdown, write_rows

# What starts Python, apart from benchmarks of the start itself. Tests name one whose libraries are loaded.
PYTHON = shlex.split(os.environ.get("BENCHMARK_PYTHON", sys.executable))

K = TypeVar("K")
T = TypeVar("T")


def build_parser(description: str | None, rounds: int | None = None) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark.

    Args:
        description: The script's docstring, whose first lines have its commands.
        rounds: The default of --rounds, or None if the script has no rounds.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="end in seconds: check the script and measure nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows of the table as JSON lines")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the rows with a peer in Markdown, too")
    if rounds:
        parser.add_argument("--rounds", type=int, default=rounds)
    return parser


def parse_arguments(parser: argparse.ArgumentParser, **smoke_sizes: Any) -> argparse.Namespace:
    """Parse the command line. With --smoke, `smoke_sizes` are the defaults and all data is generated."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if "--smoke" in sys.argv:
        os.environ.pop("MLQA_ASSETS", None)
        parser.set_defaults(**smoke_sizes)
    return parser.parse_args()


def finish(rows: list[Row], args: argparse.Namespace) -> None:
    """Print the rows, and write them if --json or --markdown asks for it."""
    print_rows(rows, args.smoke)
    if args.markdown:
        write_markdown(args.markdown, rows, args.smoke)
    if args.json:
        write_rows(args.json, rows)


def report_progress(text: str) -> None:
    """Print a line while a benchmark runs, or a finding that is not a row of the table."""
    print(text, flush=True)


def alternate(rounds: int, tasks: dict[K, Callable[[], T]], warm_up: bool = False) -> dict[K, list[T]]:
    """Run all tasks in turn, round after round, so that other work on the machine meets all of them.

    Args:
        rounds: Number of rounds that count.
        tasks: What to run, by name.
        warm_up: Whether a first round does not count. A single round has none.

    Returns:
        What each task returned, per round.
    """
    results: dict[K, list[T]] = {name: [] for name in tasks}
    uncounted = int(warm_up and rounds > 1)
    for number in range(rounds + uncounted):
        for name, task in tasks.items():
            result = task()
            if number >= uncounted:
                results[name].append(result)
    return results


def time_call(task: Callable[[], Any]) -> tuple[float, float]:
    """Return the wall seconds of a call, and the CPU seconds of all threads of this process meanwhile."""
    wall, cpu = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - wall, time.process_time() - cpu


def split_pairs(measured: dict[K, list[tuple[float, float]]]) -> tuple[dict[K, list[float]], dict[K, list[float]]]:
    """Return the first and the second of the pairs of each round, such as wall and CPU seconds."""
    first, second = ({name: [pair[part] for pair in pairs] for name, pairs in measured.items()} for part in (0, 1))
    return first, second


def time_rounds(rounds: int, tasks: dict[K, Callable[[], Any]]) -> dict[K, list[float]]:
    """Return the wall seconds of each task per round, after a round that warms up."""
    return split_pairs(alternate(rounds, {name: partial(time_call, task) for name, task in tasks.items()}, True))[0]


def time_process(command: list[str], cwd: Path, **environment: str) -> tuple[float, float]:
    """Return the wall and CPU seconds of a whole process, its children included. It must succeed."""
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, cwd, **environment)
    wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def run(command: list[str], cwd: Path | None = None, **environment: str) -> str:
    """Run a command to its end and return what it prints. If it fails, end with its last words."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}: exit code {done.returncode}\n{(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def run_apart(script: str, *arguments: str, **environment: str) -> Any:
    """Run a script in a process of its own, and return the JSON of the last line that it prints."""
    return json.loads(run([*PYTHON, script, *arguments], **environment).splitlines()[-1])


def reset_peak_megabytes() -> float:
    """Give freed memory back to Linux, let the peak begin anew, and return the current use in MB."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return read_megabytes("VmRSS")


def read_megabytes(field: str) -> float:
    """Read a memory figure of this process from Linux: "VmRSS" for the current use, "VmHWM" for the peak.

    getrusage's ru_maxrss also counts the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) * 1024 / 1e6
