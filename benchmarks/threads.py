"""Compare training with mlqa's threads and with OpenMP's own: quiet, and beside a busy process on every core.

    python benchmarks/threads.py                                    75 steps of the quickstart's model, minutes
    python benchmarks/threads.py --also GOMP_SPINCOUNT=1000 --also OMP_NUM_THREADS=1    further ways

Every way trains the same steps in a process of its own, in turn, round after round. With OpenMP's own spinning, a step
beside busy processes can take half a minute. So a training also ends after `--limit` seconds, and the ratios compare
the steps that all rounds have done.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measuring import PYTHON, build_parser, finish, parse_arguments, report_progress
from rows import Row

OURS, AS_IS = "mlqa", "OpenMP's own"
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
BUSY_LOOP = "import os; parent = os.getppid()\nwhile os.getppid() == parent: sum(range(10000))"
QUIET_TARGET, BUSY_TARGET = 1.1, 2.5  # at most so many times OpenMP's own quiet time, and mlqa's own quiet time


def train(steps: int, batch_size: int, limit: float, as_is: bool) -> list[float]:
    """Train the quickstart's model in this process, and return the seconds of each step after the first.

    Args:
        steps: Number of steps to time.
        batch_size: Questions per step.
        limit: Seconds after which no further step begins.
        as_is: Whether to import torch before mlqa, so that OpenMP does not see mlqa's variables.
    """
    if as_is:
        import torch  # noqa: F401
    else:
        import mlqa  # noqa: F401  before transformers, which imports torch
    from transformers import TrainerCallback, set_seed

    from mlqa.config.compose import compose_config
    from mlqa.data.sample import generate
    from mlqa.features.windows import make_windows
    from mlqa.models.loading import load_model
    from mlqa.threads import limit_threads
    from mlqa.tokenization.load import load_tokenizer
    from mlqa.training.arguments import build_training_arguments
    from mlqa.training.checkpoints import Checkpoints
    from mlqa.training.trainer import QuestionAnsweringTrainer

    ends: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            ends.append(time.perf_counter())
            if ends[-1] - ends[0] > limit:
                control.should_training_stop = True

    config, _ = compose_config(
        [
            "experiment=quickstart",
            "training.save_strategy=no",
            f"training.max_steps={steps + 1}",
            f"training.per_device_train_batch_size={batch_size}",
        ]
    )
    if not as_is:
        limit_threads(config.model.scratch.hidden_size)
    with tempfile.TemporaryDirectory() as folder:
        config.training.output_dir = folder
        examples = generate(batch_size * (steps + 1), seed=0)
        tokenizer = load_tokenizer(config.model, [*examples.contexts, *examples.questions])
        windows = make_windows(examples, tokenizer, config.training.max_seq_length, config.training.doc_stride)
        set_seed(0)
        model, arguments = load_model(config.model, tokenizer)[0], build_training_arguments(config)
        checkpoints = Checkpoints(Path(folder), "0" * 16)
        QuestionAnsweringTrainer(config, arguments, model, windows, dict, [Clock()], checkpoints).fit(None)
    return [after - before for before, after in itertools.pairwise(ends)]


@contextmanager
def run_busy_processes(count: int) -> Iterator[None]:
    """Keep this many processes busy inside the block. They also end when this process is killed."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY_LOOP]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def train_in_process(way: str, args: argparse.Namespace) -> list[float]:
    """Train in a process of its own, and return the seconds of its steps.

    Args:
        way: OURS, AS_IS, or variables as "NAME=VALUE[,NAME=VALUE]".
        args: The command line: steps, batch size and time limit.
    """
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    if way not in (OURS, AS_IS):
        environment |= dict(pair.split("=", 1) for pair in way.split(","))
    sizes = {"steps": args.steps, "batch-size": args.batch_size, "limit": args.limit}
    command = [*PYTHON, __file__, "--train", *(f"--{name}={value}" for name, value in sizes.items())]
    if way == AS_IS:
        command.append("--as-is")
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def measure(ways: Sequence[str], args: argparse.Namespace) -> dict[tuple[str, bool], list[list[float]]]:
    """Return the seconds of the steps of each way, quiet (False) and busy (True), in each of the rounds."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    rounds: dict[tuple[str, bool], list[list[float]]] = {(way, busy): [] for way in ways for busy in (False, True)}
    for number, (busy, way) in itertools.product(range(args.rounds), itertools.product((False, True), ways)):
        with run_busy_processes(cores if busy else 0):
            seconds = train_in_process(way, args)
        rounds[way, busy].append(seconds)
        mean = sum(seconds) / len(seconds)
        what = f"{way}, {'busy' if busy else 'quiet'}"
        report_progress(f"round {number + 1}: {what}: {len(seconds)} steps, {mean:.2f} s per step")
    return rounds


def make_rows(ways: Sequence[str], rounds: dict[tuple[str, bool], list[list[float]]]) -> list[Row]:
    """Return each way beside OpenMP's own, and each busy way beside the same way quiet, over the steps of both."""
    rows = []
    for way in ways:
        pairs = (("quiet", False, AS_IS, False, QUIET_TARGET), ("busy", True, way, False, BUSY_TARGET))
        for name, busy, peer, peer_busy, target in pairs:
            ours, base = rounds[way, busy], rounds[peer, peer_busy]
            shared = min(map(len, [*ours, *base]))
            what = f"{shared} training steps, {name}: {way}"
            totals = [[sum(steps[:shared]) for steps in each] for each in (ours, base)]
            if (way, busy) == (peer, peer_busy):
                rows.append(Row(what, totals[0]))
            else:
                limit = target if way == OURS else None
                rows.append(Row(what, *totals, f"{peer}, quiet", at_most=limit, is_overhead=True))
    return rows


def main() -> None:
    """Train in each way, quiet and busy."""
    parser = build_parser(__doc__, rounds=3)
    parser.add_argument("--steps", type=int, default=75)
    parser.add_argument("--batch-size", type=int, default=32, help="questions per step")
    parser.add_argument("--limit", type=float, default=60, help="seconds after which a training ends")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=VALUE[,NAME=VALUE]")
    parser.add_argument("--train", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--as-is", action="store_true", help=argparse.SUPPRESS)
    args = parse_arguments(parser, rounds=1, steps=1, batch_size=2, limit=5)
    if args.train:
        print(json.dumps(train(args.steps, args.batch_size, args.limit, args.as_is)))
        return
    ways = [OURS, AS_IS, *args.also]
    finish(make_rows(ways, measure(ways, args)), args)


if __name__ == "__main__":
    main()
