"""Compare training: windows per second of mlqa's three ways to make batches, and of transformers' own example.

    python benchmarks/training.py                                     BERT of 4 layers x 256, generated questions
    python benchmarks/training.py --train-file train.json --pretrained DIR          your data, a model folder
    python benchmarks/training.py --train-file train.json --tokenizer DIR --base    BERT-base with random weights
    ... --precision bf16 fp32   --ways padded grouped packed   --steps 8 --rounds 3   --pad-to-multiple-of 64
    ... --cpu-time      CPU seconds of all threads instead of wall seconds, for a machine with other work

With PEER_DIR (see benchmarks/peer.py), the peer reads its own features, each padded to 384 tokens, with transformers'
Trainer and its collator. All ways train copies of the same model, in turn, round after round. The first step of each
turn does not count. mlqa's ways take the same steps. Steps differ in tokens, so those to measure are spread evenly over
the steps of an epoch, sorted by their number of tokens.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peer import find_peer, load_feature_functions, map_dataset, save_dataset
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, Trainer, TrainerCallback, default_data_collator

from mlqa.batching.sampler import WindowBatchSampler
from mlqa.config.compose import compose_config
from mlqa.config.schema import Batching, Config
from mlqa.data.readers import read_file
from mlqa.data.sample import generate
from mlqa.features.windows import Windows, make_windows
from mlqa.tokenization.scratch import train_tokenizer
from mlqa.training.arguments import build_training_arguments
from mlqa.training.checkpoints import Checkpoints
from mlqa.training.trainer import QuestionAnsweringTrainer

WAYS = ("peer", "padded", "grouped", "packed")


class Clock(TrainerCallback):  # type: ignore[misc]
    """Seconds from the end of the first step to the end of the last, reading batches included."""

    now = time.perf_counter

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Record the end of a step."""
        self.ends.append(self.now())

    @property
    def seconds(self) -> float:
        """Seconds of all steps but the first."""
        return self.ends[-1] - self.ends[0]


def configure(folder: str, batching: str, precision: str, args: argparse.Namespace) -> Config:
    """Compose the config of one way."""
    multiple = args.pad_to_multiple_of
    config, _ = compose_config(
        [
            "model=berturk", "dataset=sample", "tracking=files", f"training.batching={batching}",
            f"hardware.precision={precision}", f"training.per_device_train_batch_size={args.batch_size}",
            f"training.max_steps={args.steps + 1}", "training.save_strategy=no",
            *([f"training.pad_to_multiple_of={multiple}"] if multiple else []),
        ]
    )  # fmt: skip
    config.training.output_dir = folder
    return config


def choose_steps(windows: Windows, config: Config, count: int) -> list[np.ndarray]:
    """Return a step to warm up, and `count` steps spread evenly over those of an epoch, by their number of tokens."""
    batches = WindowBatchSampler(windows.lengths, config.training.per_device_train_batch_size, seed=0)
    full = [share.windows for (share,) in batches if len(share.windows) == batches.step_size]
    full.sort(key=lambda chosen: int(windows.lengths[chosen].sum()))
    chosen = [full[int((place + 0.5) * len(full) / count)] for place in range(count)]
    return [chosen[-1], *chosen]


def train_ours(model: Any, windows: Windows, config: Config, count: int) -> float:
    """Train with mlqa's Trainer, and return the seconds of `count` steps."""
    clock = Clock()
    checkpoints = Checkpoints(Path(config.training.output_dir), "0" * 16)
    trainer = QuestionAnsweringTrainer(
        config, build_training_arguments(config), model, windows, dict, [clock], checkpoints
    )
    steps = choose_steps(windows, config, count)
    trainer.batches._draw_steps = lambda: steps  # type: ignore[method-assign]
    trainer.fit(None)
    return clock.seconds


def train_peer(model: Any, features: Any, config: Config) -> float:
    """Train with transformers' Trainer as run_qa.py does, on features of max_seq_length tokens, and return seconds."""
    clock = Clock()
    trainer = Trainer(
        model=model,
        args=build_training_arguments(config),
        train_dataset=features,
        data_collator=default_data_collator,
        callbacks=[clock],
    )
    trainer.train()
    return clock.seconds


def make_peer_features(examples: Any, tokenizer: Any, windows: Windows, folder: Path) -> Any:
    """Make the peer's own features, or return None without PEER_DIR."""
    peer = find_peer()
    if peer is None:
        return None
    functions = load_feature_functions(peer, tokenizer, windows.max_seq_length, windows.max_seq_length // 3)
    features = map_dataset(functions[0], save_dataset(examples, folder / "examples"))
    assert len(features) == len(windows)
    return features


def main() -> None:
    """Train in each way, and print windows per second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train-file")
    parser.add_argument("--tokenizer", help="folder of a tokenizer, for a model with random weights")
    parser.add_argument("--pretrained", help="folder of a model with its tokenizer")
    parser.add_argument("--base", action="store_true", help="random weights in the size of BERT-base")
    parser.add_argument("--precision", nargs="+", default=["fp32"], choices=["fp32", "bf16", "fp16"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pad-to-multiple-of", type=int)
    parser.add_argument("--cpu-time", action="store_true")
    args = parser.parse_args()
    if args.cpu_time:
        Clock.now = time.process_time

    examples = read_file(args.train_file) if args.train_file else generate(4000, seed=0)
    if args.pretrained:
        tokenizer = AutoTokenizer.from_pretrained(args.pretrained)
        model = AutoModelForQuestionAnswering.from_pretrained(args.pretrained)
    else:
        from transformers import BertConfig, BertForQuestionAnswering

        texts = [*examples.contexts, *examples.questions]
        tokenizer = (
            AutoTokenizer.from_pretrained(args.tokenizer)
            if args.tokenizer
            else train_tokenizer(texts, "wordpiece", 2000, 512)
        )
        shape = {} if args.base else {
            "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024
        }  # fmt: skip
        model = BertForQuestionAnswering(BertConfig(vocab_size=len(tokenizer), **shape))
    length = 384 if args.train_file else 112  # generated paragraphs are short, and half is also padding
    windows = make_windows(examples, tokenizer, length, length // 3)
    with tempfile.TemporaryDirectory() as folder:
        features = make_peer_features(examples, tokenizer, windows, Path(folder)) if "peer" in args.ways else None
        ways = [way for way in args.ways if way != "peer" or features is not None]
        seconds: dict[tuple[str, str], list[float]] = {}
        for number in range(args.rounds):
            for precision in args.precision:
                for way in ways:
                    batching = Batching.padded.value if way == "peer" else way
                    config = configure(folder, batching, precision, args)
                    trained = copy.deepcopy(model)
                    if way == "peer":
                        took = train_peer(trained, features, config)
                    else:
                        took = train_ours(trained, windows, config, args.steps)
                    seconds.setdefault((way, precision), []).append(took)
                    speed = args.steps * args.batch_size / took
                    print(f"round {number + 1}: {way} {precision} {speed:.2f} windows/s", flush=True)
    print_table(seconds, args, model, windows)


def print_table(
    seconds: dict[tuple[str, str], list[float]], args: argparse.Namespace, model: Any, windows: Windows
) -> None:
    """Print windows per second of each way and precision, and the ratio to the first."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    filled = windows.lengths.mean() / windows.max_seq_length
    table = Table(
        title=f"{parameters / 1e6:.1f} M parameters, {args.steps} steps of {args.batch_size} windows, "
        f"{filled:.0%} of {windows.max_seq_length} tokens filled; {torch.get_num_threads()} threads"
    )
    first = next(iter(seconds))
    for column in ("way", "precision", "windows/s", f"times {first[0]} {first[1]} (min ... max)"):
        table.add_column(column, justify="left" if column in ("way", "precision") else "right")
    for (way, precision), took in seconds.items():
        speed = args.steps * args.batch_size / statistics.median(took)
        ratios = [base / own for base, own in zip(seconds[first], took, strict=True)]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} ... {max(ratios):.2f})"
        table.add_row(way, precision, f"{speed:.2f}", ratio)
    Console().print(table)


if __name__ == "__main__":
    main()
