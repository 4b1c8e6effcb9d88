"""Compare one process with two (gloo, one thread each): the same run at the same global batch, trained and scored.

    python benchmarks/distributed.py                                         a small BERT, generated questions
    python benchmarks/distributed.py model.pretrained=DIR dataset=tquad dataset.max_train_samples=300 ...   your own

Overrides are those of train.py. Seconds come from each run's result.json. Both do the same work, so two processes can
be at most twice as fast.
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


def train(processes: int, overrides: list[str], folder: Path) -> dict[str, Any]:
    """Run train.py with this many processes and return its result.json."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--no-python", f"--nproc_per_node={processes}"]
    start = [sys.executable, *torchrun] if processes > 1 else []
    size = f"training.per_device_train_batch_size={STEP // processes}"
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = [*start, *PYTHON, TRAIN, *overrides, *FIXED, size, f"hydra.run.dir={place}/run"]
        run(command, OMP_NUM_THREADS="1")
        result: dict[str, Any] = json.loads(Path(place, "run", "result.json").read_text("utf-8"))
    report_progress(f"processes: {processes}, F1 {result['metrics']['f1']:.4f}")
    return result


def main() -> None:
    """Measure the seconds of both."""
    parser = build_parser(__doc__, rounds=3)
    parser.add_argument("--questions", type=int, default=600, help="how many to generate for each split")
    parser.add_argument("overrides", nargs="*")
    args = parse_arguments(parser, rounds=1, questions=16)
    with tempfile.TemporaryDirectory() as name:
        overrides = args.overrides
        if not any(override.startswith("dataset=") for override in overrides):
            sizes = [f"dataset.sample.{split}_rows={args.questions}" for split in ("train", "validation")]
            overrides += ["dataset=sample", *sizes]
        if not any(override.startswith("model.pretrained=") for override in overrides):
            overrides.append(save_small_bert(Path(name, "model")))
        tasks = {count: partial(train, count, overrides, Path(name)) for count in (1, 2)}
        results = alternate(args.rounds, tasks)
    one, two = ({key: [result["timing"][key] for result in results[count]] for key in KEYS} for count in (1, 2))
    rows = [
        Row(f"two processes with one thread each, {STEP} windows per step: {what}", two[key], one[key], "one process")
        for key, what in KEYS.items()
    ]
    finish(rows, args)


if __name__ == "__main__":
    main()
