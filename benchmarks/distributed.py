"""Compare one process with two (gloo, one thread each): the same run at the same global batch, trained and scored.

    python benchmarks/distributed.py                                         a small BERT, generated questions
    python benchmarks/distributed.py model.pretrained=DIR dataset=tquad dataset.max_train_samples=300 ...   your own

Overrides are those of train.py. Seconds come from each run's result.json. Both do the same work, so two processes can
be at most twice as fast.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

TRAIN = str(Path(__file__).resolve().parents[1] / "train.py")
ROUNDS = 3
STEP = 16
DEFAULTS = ["dataset=sample", "dataset.sample.train_rows=600", "dataset.sample.validation_rows=600"]
FIXED = ["tracking=files", "training.save_strategy=no", "training.num_train_epochs=1"]
KEYS = ("train_seconds", "eval_seconds", "total_seconds")


def save_small_bert(folder: Path) -> str:
    """Save a BERT of 4 layers x 256 with random weights and a tokenizer of generated texts. Return its override."""
    from transformers import BertConfig, BertForQuestionAnswering

    from mlqa.data.sample import generate
    from mlqa.tokenization.scratch import train_tokenizer

    examples = generate(600, seed=0)
    tokenizer = train_tokenizer([*examples.contexts, *examples.questions], "wordpiece", 2000, 512)
    shape = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024}
    # Each process would draw a dropout of its own, and the scores would differ.
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    BertForQuestionAnswering(BertConfig(vocab_size=len(tokenizer), **shape, **no_dropout)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return f"model.pretrained={folder}"


def run(processes: int, overrides: list[str], folder: Path) -> dict[str, Any]:
    """Run train.py with this many processes and return its result.json."""
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    size = f"training.per_device_train_batch_size={STEP // processes}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*start, TRAIN, *overrides, *FIXED, size, f"hydra.run.dir={folder}"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    result: dict[str, Any] = json.loads((folder / "result.json").read_text("utf-8"))
    return result


def main() -> None:
    """Print the median seconds of both and their ratio."""
    seconds: dict[tuple[int, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overrides = sys.argv[1:]
        if not any(override.startswith("dataset=") for override in overrides):
            overrides += DEFAULTS
        if not any(override.startswith("model.pretrained=") for override in overrides):
            overrides.append(save_small_bert(folder / "model"))
        for number in range(ROUNDS):
            scores = []
            for processes in (1, 2):
                result = run(processes, overrides, folder / f"{number}-{processes}")
                scores.append(result["metrics"]["f1"])
                for key in KEYS:
                    seconds.setdefault((processes, key), []).append(result["timing"][key])
            print(f"round {number + 1}: F1 {scores[0]:.4f} and {scores[1]:.4f}", flush=True)
    table = Table(title=f"median of {ROUNDS} rounds, one thread per process, {STEP} windows per step")
    for column in ("", "1 process", "2 processes", "times (min ... max)"):
        table.add_column(column, justify="right" if column else "left")
    for key in KEYS:
        alone, shared = seconds[1, key], seconds[2, key]
        ratios = [slow / fast for slow, fast in zip(alone, shared, strict=True)]
        table.add_row(
            key,
            f"{statistics.median(alone):.1f} s",
            f"{statistics.median(shared):.1f} s",
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} ... {max(ratios):.2f})",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
