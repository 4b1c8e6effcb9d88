"""Compare one process with two and four (gloo, one thread each): the same run at the same global batch, with scores.

    python benchmarks/distributed.py                                         a small BERT, generated questions
    python benchmarks/distributed.py model.pretrained=DIR dataset=tquad dataset.max_train_samples=300 ...   your own

    ... --processes 1 2 --accumulation 4 --bucket-mb 1 25 100      steps in parts, gradients sent in other pieces

Overrides are those of train.py. Seconds come from each run's result.json. All do the same work, so N processes can be
at most N times as fast, and no more than the cores of the machine. Every run must reach the scores of one process.
"""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from inputs import build_bert
from measuring import PYTHON, alternate, build_parser, finish, parse_arguments, report_progress, run
from rows import Row

TRAIN = str(Path(__file__).resolve().parents[1] / "train.py")
STEP = 16
FIXED = ["tracking=files", "training.save_strategy=no", "training.num_train_epochs=1"]
POINTS = 0.5  # how far the F1 may be from that of one process: sums of gradients are rounded in another order
KEYS = {"train_seconds": "training", "eval_seconds": "evaluation", "total_seconds": "the whole run"}


def save_small_bert(folder: Path) -> str:
    """Save a BERT of 4 layers x 256 with random weights and a tokenizer of generated texts. Return its override."""
    from mlqa.data.sample import generate
    from mlqa.tokenization.scratch import train_tokenizer

    examples = generate(600, seed=0)
    tokenizer = train_tokenizer([*examples.contexts, *examples.questions], "wordpiece", 2000, 512)
    # Each process would draw a dropout of its own, and the scores would differ.
    build_bert(len(tokenizer), hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return f"model.pretrained={folder}"


def train(processes: int, accumulation: int, bucket_mb: int | None, overrides: list[str], folder: Path) -> Any:
    """Run train.py with this many processes and return its result.json."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--no-python", f"--nproc_per_node={processes}"]
    start = [sys.executable, *torchrun] if processes > 1 else []
    size = [
        f"training.per_device_train_batch_size={STEP // processes // accumulation}",
        f"training.gradient_accumulation_steps={accumulation}",
        f"training.ddp_bucket_cap_mb={bucket_mb or 'null'}",
    ]
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = [*start, *PYTHON, TRAIN, *overrides, *FIXED, *size, f"hydra.run.dir={place}/run"]
        run(command, OMP_NUM_THREADS="1")
        result: dict[str, Any] = json.loads(Path(place, "run", "result.json").read_text("utf-8"))
    report_progress(f"{describe(processes, accumulation, bucket_mb)}: F1 {result['metrics']['f1']:.4f}")
    return result


def describe(processes: int, accumulation: int, bucket_mb: int | None) -> str:
    """Return what tells a setting apart, in words."""
    words = [f"{processes} processes" if processes > 1 else "one process"]
    words += [f"steps in {accumulation} parts"] if accumulation > 1 else []
    words += [f"buckets of {bucket_mb} MB"] if bucket_mb else []
    return ", ".join(words)


def main() -> None:
    """Measure the seconds of all, and compare their scores."""
    parser = build_parser(__doc__, rounds=3)
    parser.add_argument("--questions", type=int, default=600, help="how many to generate for each split")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--accumulation", type=int, default=1, help="parts of a step, with every number of processes")
    parser.add_argument("--bucket-mb", type=int, nargs="+", help="megabytes of gradients that are sent at a time")
    parser.add_argument("overrides", nargs="*")
    args = parse_arguments(parser, rounds=1, questions=16, processes=[1, 2])
    settings = [
        (count, args.accumulation, bucket)
        for count in args.processes
        for bucket in ((args.bucket_mb or [None]) if count > 1 else [None])
    ]
    with tempfile.TemporaryDirectory() as name:
        overrides = args.overrides
        if not any(override.startswith("dataset=") for override in overrides):
            sizes = [f"dataset.sample.{split}_rows={args.questions}" for split in ("train", "validation")]
            overrides += ["dataset=sample", *sizes]
        if not any(override.startswith("model.pretrained=") for override in overrides):
            overrides.append(save_small_bert(Path(name, "model")))
        tasks = {setting: partial(train, *setting, overrides, Path(name)) for setting in settings}
        results = alternate(args.rounds, tasks)
    first = settings[0]
    scores = {setting: results[setting][0]["metrics"]["f1"] for setting in settings}
    for setting, f1 in scores.items():
        if abs(f1 - scores[first]) > POINTS:
            raise SystemExit(f"{describe(*setting)}: F1 {f1:.4f} instead of {scores[first]:.4f}")
    rows = []
    for setting in settings[1:]:
        for key, what in KEYS.items():
            ours, alone = ([result["timing"][key] for result in results[one]] for one in (setting, first))
            title = f"{describe(*setting)} with one thread each, {STEP} windows per step: {what}"
            rows.append(Row(title, ours, alone, describe(*first)))
    finish(rows, args)


if __name__ == "__main__":
    main()
