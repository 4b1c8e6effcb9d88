"""Measure the start: `--help`, `--cfg job` and completion against a bare Hydra app, and a small run besides training.

    python benchmarks/start.py                 both tables
    python benchmarks/start.py --rounds 15 --runs 5
    python benchmarks/start.py --only run
    python benchmarks/start.py --data DIR      the small run on your train.json and dev.json instead of generated data

The bare app has as many config groups and options as mlqa, and none of its plugins. Whole processes run one after the
other, in alternating rounds.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import runpy
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BARE = """
import hydra

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    print(config)

main()
"""
WAYS = {
    "--help": (["--help"], ""),
    "--cfg job": (["--cfg", "job"], ""),
    "completion": (["-sc", "query=bash"], "model=t"),
}


def write_bare_app(folder: Path) -> Path:
    """Write an app with the groups and options of mlqa, each option with one key."""
    defaults = ["defaults:"]
    for group in sorted(child for child in (ROOT / "conf").iterdir() if child.is_dir() and child.name != "hydra"):
        target = folder / "conf" / group.name
        target.mkdir(parents=True)
        options = sorted(option.name for option in group.glob("*.yaml"))
        for option in options:
            (target / option).write_text("name: " + option.removesuffix(".yaml") + "\n")
        defaults.append(f"  - {group.name}: {options[0].removesuffix('.yaml')}")
    (folder / "conf" / "config.yaml").write_text("\n".join([*defaults, "  - _self_", "seed: 42", ""]))
    app = folder / "app.py"
    app.write_text(BARE)
    return app


def time_process(app: Path, way: str, cwd: Path) -> tuple[float, float]:
    """Return the wall and CPU seconds of a whole process.

    Python starts without site, so that neither app sees packages installed as links, such as our plugin.
    """
    arguments, word = WAYS[way]
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib"), "COMP_LINE": f"python {app.name} {word}"}
    environment["COMP_POINT"] = str(len(environment["COMP_LINE"]))
    command = [sys.executable, "-S", str(app), *arguments]
    began, before = time.perf_counter(), os.times()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    took, after = time.perf_counter() - began, os.times()
    assert done.returncode == 0 and done.stdout.strip(), done.stderr
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return took, cpu


def compare_starts(rounds: int) -> None:
    """Print the seconds of both apps for each kind of start."""
    print(f"ratio: median (min ... max) of {rounds} rounds")
    print(f"{'start':12}{'wall: bare    mlqa  ratio':>38}{'CPU: bare    mlqa  ratio':>40}")
    with tempfile.TemporaryDirectory() as folder:
        bare = write_bare_app(Path(folder))
        for way in WAYS:
            pairs = []
            for number in range(rounds + 1):
                pair = time_process(bare, way, Path(folder)), time_process(ROOT / "train.py", way, Path(folder))
                if number:  # the first round reads from disk and does not count
                    pairs.append(pair)
            cells = []
            for clock in (0, 1):
                theirs, ours = zip(*((bare[clock], own[clock]) for bare, own in pairs), strict=True)
                ratios = [own / bare for bare, own in zip(theirs, ours, strict=True)]
                cells.append(f"{statistics.median(theirs):7.2f} {statistics.median(ours):7.2f} "
                             f"{statistics.median(ratios):6.2f} ({min(ratios):.2f} ... {max(ratios):.2f})")  # fmt: skip
            print(f"{way:12}{cells[0]:>38}{cells[1]:>40}", flush=True)


PARTS = {
    "reading the data": "mlqa.experiment:load_splits",
    "audit": "mlqa.experiment:audit",
    "tokenizer": "mlqa.tokenization.load:load_tokenizer",
    "features": "mlqa.features.windows:make_windows",
    "figures of the tokenizer": "mlqa.metrics.tokenizer_analysis:analyze_tokenizer",
    "the model": "mlqa.models.loading:load_model",
    "the trainer": "mlqa.training.trainer:QuestionAnsweringTrainer.__init__",
    "training, 1 step": "mlqa.training.trainer:QuestionAnsweringTrainer.fit",
    "writing the model": "mlqa.models.loading:save_model",
    "evaluation": "mlqa.evaluation:Evaluation.evaluate",
    "breakdown": "mlqa.evaluation:Evaluation.score_questions",
}
RUN = "mlqa.experiment:run"


def run_timed(arguments: list[str]) -> None:
    """Run train.py in this process with a clock around each part, and print the seconds of each as JSON."""
    began = time.perf_counter()
    sys.path[:0] = [str(ROOT / "launchers"), str(ROOT / "src")]
    importlib.import_module("mlqa.config.preflight")
    light = time.perf_counter()
    took = {"imports to compose: Hydra ...": light - began}
    for address in PARTS.values():
        importlib.import_module(address.partition(":")[0])
    took["other imports: torch, transformers ..."] = time.perf_counter() - light
    clocks = {**PARTS, "run": RUN}
    for name, address in clocks.items():
        module, _, path = address.partition(":")
        *owners, last = path.split(".")
        owner = functools.reduce(getattr, owners, sys.modules[module])
        setattr(owner, last, _add_clock(getattr(owner, last), name, took))
    composing = time.perf_counter()
    sys.argv[:] = [str(ROOT / "train.py"), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")
    run = took.pop("run")
    took["composing"] = time.perf_counter() - composing - run
    took["all else"] = run - sum(took.get(name, 0.0) for name in PARTS)
    print(json.dumps(took))


def _add_clock(function: Callable[..., Any], name: str, took: dict[str, float]) -> Callable[..., Any]:
    @functools.wraps(function)
    def clocked(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            took[name] = took.get(name, 0.0) + time.perf_counter() - began

    return clocked


def measure_small_run(data: str | None, rounds: int) -> None:
    """Print the seconds of a tiny model's run of one step, without and with its tokens in the cache."""
    files = [f"dataset.{split}_file={path.resolve()}" for split, path in _find_files(data).items()]
    chosen = ["dataset=squad_json", "dataset.language=tr", *files] if files else ["dataset=sample"]
    columns: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            arguments = ["model=tiny_wordpiece", "training.max_steps=1", *chosen, f"hydra.run.dir={folder}/{number}"]
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, __file__, "--run", *arguments],
                env={**os.environ, "HF_HUB_OFFLINE": "1", "MLQA_CACHE": f"{folder}/cache"},
                capture_output=True, text=True,
            )  # fmt: skip
            whole = time.perf_counter() - began
            assert done.returncode == 0, done.stderr
            parts = json.loads(done.stdout.splitlines()[-1])
            columns.append({**parts, "start and exit of Python": whole - sum(parts.values()), "whole process": whole})
    print(
        f"\na run of one step, {'TQuAD' if files else 'sample'}: seconds        first run   later (median of {rounds})"
    )
    for name in columns[0]:
        later = statistics.median(column[name] for column in columns[1:])
        print(f"{name:45} {columns[0][name]:12.2f} {later:12.2f}")


def _find_files(folder: str | None) -> dict[str, Path]:
    patterns = {"train": "train*.json", "validation": "dev*.json"} if folder else {}
    return {split: next(Path(str(folder)).glob(pattern)) for split, pattern in patterns.items()}


def main() -> None:
    """Compare starts, and measure a small run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--data")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=("start", "run"))
    parser.add_argument("--run", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        run_timed(args.run)
        return
    if args.only != "run":
        compare_starts(args.rounds)
    if args.only != "start":
        measure_small_run(args.data, args.runs)


if __name__ == "__main__":
    main()
