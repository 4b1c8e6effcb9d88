"""Measure the start: `--help`, `--cfg job` and completion against a bare Hydra app, a small run until and besides its
training, and `mlqa predict` for one question.

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
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from measuring import PYTHON, alternate, build_parser, finish, parse_arguments, run_apart, split_pairs, time_process
from rows import Row

STARTED = time.perf_counter()
ROOT = Path(__file__).resolve().parent.parent
BARE = """
import hydra

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    print(config)

main()
"""
# The arguments of each kind of start, the word to complete, and how many times a bare app's it may take.
WAYS = {
    "--help": (["--help"], "", 1.2),
    "--cfg job": (["--cfg", "job"], "", 1.5),
    "completion": (["-sc", "query=bash"], "model=t", 1.5),
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


def time_start(app: Path, way: str, cwd: Path) -> tuple[float, float]:
    """Return the wall and CPU seconds of a start.

    Python starts without site, so that neither app sees packages installed as links, such as our plugin.
    """
    arguments, word, _ = WAYS[way]
    line = f"python {app.name} {word}"
    variables = {
        "PYTHONPATH": str(distribution("hydra-core").locate_file("")),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    return time_process([sys.executable, "-S", str(app), *arguments], cwd, **variables)


def compare_starts(rounds: int) -> list[Row]:
    """Return the seconds of both apps for each kind of start."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        apps = {"bare": write_bare_app(Path(folder)), "ours": ROOT / "train.py"}
        for way, (*_, target) in WAYS.items():
            tasks = {name: partial(time_start, app, way, Path(folder)) for name, app in apps.items()}
            for clock, seconds in zip(("", ": CPU"), split_pairs(alternate(rounds, tasks, warm_up=True)), strict=True):
                what = f"train.py, {way}{clock}"
                rows.append(Row(what, seconds["ours"], seconds["bare"], "bare Hydra app", at_most=target))
    return rows


PARTS = {
    "reading the data": "mlqa.experiment:load_data",
    "audit": "mlqa.experiment:audit_data",
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
FIRST_STEP = "until its first step"
PREDICT = ["--context", "Ankara'da 1350 kedi yaşar.", "--question", "Ankara'da kaç kedi yaşar?"]


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
    for name, address in {**PARTS, "run": RUN}.items():
        module, _, path = address.partition(":")
        *owners, last = path.split(".")
        owner = functools.reduce(getattr, owners, sys.modules[module])
        setattr(owner, last, _add_clock(getattr(owner, last), name, took))
    composing = time.perf_counter()
    sys.argv[:] = [str(ROOT / "train.py"), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")
    run, clocks = took.pop("run"), {name: took.pop(name) for name in (FIRST_STEP, f"{FIRST_STEP}: CPU")}
    took["composing"] = time.perf_counter() - composing - run
    took["all else"] = run - sum(took.get(name, 0.0) for name in PARTS)
    print(json.dumps({"parts": took, "clocks": clocks}))


def _add_clock(function: Callable[..., Any], name: str, took: dict[str, float]) -> Callable[..., Any]:
    @functools.wraps(function)
    def clocked(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            took[name] = took.get(name, 0.0) + time.perf_counter() - began
            if name == "training, 1 step":
                took[FIRST_STEP], took[f"{FIRST_STEP}: CPU"] = time.perf_counter() - STARTED, time.process_time()

    return clocked


def measure_small_run(data: str | None, rounds: int, questions: int | None) -> list[Row]:
    """Return the seconds of a quickstart of one step, and of its parts once its tokens are in the cache."""
    files = [f"dataset.{split}_file={path.resolve()}" for split, path in _find_files(data).items()]
    chosen = ["experiment=quickstart", *(["dataset=squad_json", "dataset.language=tr", *files] if files else [])]
    chosen += [f"dataset.sample.{split}_rows={questions}" for split in ("train", "validation") if questions]
    runs: list[dict[str, float]] = []
    predictions = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            arguments = ["training.max_steps=1", *chosen, f"hydra.run.dir={folder}/{number}"]
            began = time.perf_counter()
            told = run_apart(__file__, "--run", *arguments, MLQA_CACHE=f"{folder}/cache")
            whole, parts = time.perf_counter() - began, told["parts"]
            rest = {"whole process": whole, "start and exit of Python": whole - sum(parts.values())}
            runs.append({**told["clocks"], **parts, **rest})
            predict = [*PYTHON, "-m", "mlqa.cli", "predict", f"{folder}/{number}", *PREDICT]
            predictions.append(time_process(predict, Path(folder), PYTHONPATH=str(ROOT / "src")))
    what = f"quickstart of one step on {data or 'generated data'}"
    clocks = (FIRST_STEP, f"{FIRST_STEP}: CPU")
    return [
        *(Row(f"{what}, without a cache: {part}", [runs[0][part]]) for part in (*clocks, "whole process")),
        *(Row(f"{what}: {part}", [run[part] for run in runs[1:]]) for part in runs[0] if rounds),
        Row("mlqa predict, one question", [wall for wall, _ in predictions]),
        Row("mlqa predict, one question: CPU", [cpu for _, cpu in predictions]),
    ]


def _find_files(folder: str | None) -> dict[str, Path]:
    patterns = {"train": "train*.json", "validation": "dev*.json"} if folder else {}
    return {split: next(Path(str(folder)).glob(pattern)) for split, pattern in patterns.items()}


def main() -> None:
    """Compare starts, and measure a small run."""
    parser = build_parser(__doc__, rounds=9)
    parser.add_argument("--data")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--questions", type=int, help="how many to generate for each split")
    parser.add_argument("--only", choices=("start", "run"))
    parser.add_argument("--run", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    args = parse_arguments(parser, rounds=1, runs=0, questions=16)
    if args.run:
        run_timed(args.run)
        return
    rows = compare_starts(args.rounds) if args.only != "run" else []
    rows += measure_small_run(args.data, args.runs, args.questions) if args.only != "start" else []
    finish(rows, args)


if __name__ == "__main__":
    main()
