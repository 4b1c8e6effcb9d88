"""Compare training: windows per second of mlqa's three ways to make batches, and of transformers' own example.

    python benchmarks/training.py                                     BERT of 4 layers x 256, TQuAD or generated data
    python benchmarks/training.py --train-file train.json --pretrained DIR          your data, a model folder
    python benchmarks/training.py --train-file train.json --tokenizer DIR --base    BERT-base with random weights
    ... --precision bf16 fp32   --ways padded grouped packed   --steps 8 --rounds 3   --pad-to-multiple-of 64
    ... --tokenizer DIR --layers 4 --hidden 384         a multilingual model in small: what trimming gives
    ... --cpu-time      CPU seconds of all threads instead of wall seconds, for a machine with other work

With PEER_DIR (see benchmarks/peer.py), the peer reads its own features, each padded to 384 tokens, with transformers'
Trainer and its collator. All ways train copies of the same model, in turn, round after round. The first step of each
turn does not count. mlqa's ways take the same steps. Steps differ in tokens, so those to measure are spread evenly over
the steps of an epoch, sorted by their number of tokens. `trimmed` is packed with model.trim_vocabulary=true, `fewer`
with training.windows_without_answer=0.25, which leaves fewer windows in an epoch: its seconds are those of as many
questions.

Memory is the peak of a turn, without what was in use before it. The copy of the model counts, the data do not.

The share of the peak is what the matrix products of all steps would take at the speed of a large one, divided by what
the steps took.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from inputs import build_bert, find_asset, load_tokenizers, load_train_and_dev
from measuring import (
    alternate,
    build_parser,
    finish,
    parse_arguments,
    read_megabytes,
    report_progress,
    reset_peak_megabytes,
    split_pairs,
)
from operations import Clock, count_operations, measure_peak
from peer import PEER, find_peer, load_feature_functions, map_dataset, save_dataset
from rows import Row
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, Trainer, default_data_collator

from mlqa.batching.sampler import WindowBatchSampler
from mlqa.config.compose import compose_config
from mlqa.config.schema import Config
from mlqa.data.examples import Examples
from mlqa.data.readers import read_file
from mlqa.features.windows import Windows, make_windows, thin_windows_without_answer
from mlqa.models.embeddings import keep_rows
from mlqa.tokenization.trimming import trim_vocabulary
from mlqa.training.arguments import build_training_arguments
from mlqa.training.checkpoints import Checkpoints
from mlqa.training.trainer import QuestionAnsweringTrainer

WAYS = ("peer", "padded", "grouped", "packed", "trimmed", "fewer")
PACKED = ("trimmed", "fewer")  # the ways that are batched like `packed`, the default
KEPT = 0.25  # of the windows without an answer, if there are `fewer`
# Times the peer, on a CPU, where packed is the default.
TARGETS = {
    ("fp32", "packed"): 2.5, ("fp32", "trimmed"): 2.5, ("fp32", "fewer"): 2.5, ("fp32", "grouped"): 1.8,
    ("bf16", "packed"): 2.8, ("bf16", "grouped"): 2.8,
}  # fmt: skip


def configure(folder: str, batching: str, precision: str, args: argparse.Namespace, *more: str) -> Config:
    """Compose the config of one way, with further overrides."""
    multiple = args.pad_to_multiple_of
    config, _ = compose_config(
        [
            "model=berturk", "dataset=sample", "tracking=files", f"training.batching={batching}",
            f"hardware.precision={precision}", f"training.per_device_train_batch_size={args.batch_size}",
            f"training.max_steps={args.steps + 1}", "training.save_strategy=no",
            *([f"training.pad_to_multiple_of={multiple}"] if multiple else []), *more,
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


def train_ours(model: Any, windows: Windows, config: Config, count: int) -> tuple[float, float]:
    """Train with mlqa's Trainer, and return the seconds and the operations of `count` steps."""
    clock = Clock()
    checkpoints = Checkpoints(Path(config.training.output_dir), "0" * 16)
    trainer = QuestionAnsweringTrainer(
        config, build_training_arguments(config), model, windows, dict, [clock], checkpoints
    )
    steps = choose_steps(windows, config, count)
    trainer.batches._draw_steps = lambda: steps  # type: ignore[method-assign]
    trainer.fit(None)
    shares = list(trainer.batches)[1:]
    passes = [item for (share,) in shares for item in trainer.train_dataset[share]["passes"]]
    if trainer.packing and trainer.packing.mask is None:  # one row, in which each window attends to itself
        shapes = [(1, length) for item in passes for length in item["window_lengths"].tolist()]
    else:
        shapes = [tuple(item["input_ids"].shape) for item in passes]
    return clock.seconds, count_operations(model, shapes)


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


def load_model(args: argparse.Namespace, examples: Examples) -> tuple[Any, Any]:
    """Return the model and tokenizer that the options name, else a BERT with random weights."""
    if args.pretrained:
        tokenizer = AutoTokenizer.from_pretrained(args.pretrained)
        return AutoModelForQuestionAnswering.from_pretrained(args.pretrained), tokenizer
    tokenizer = next(iter(load_tokenizers(args.tokenizer, examples).values()))
    sizes = {"num_hidden_layers": args.layers, "hidden_size": args.hidden, "num_attention_heads": args.hidden // 64}
    settings = {} if args.base else {**sizes, "intermediate_size": 4 * args.hidden}
    return build_bert(len(tokenizer), is_base=args.base, **settings), tokenizer


def trim(model: Any, tokenizer: Any, examples: Examples, windows: Windows) -> tuple[Any, Windows]:
    """Return a copy of the model without the pieces that the examples lack, and the windows by its tokenizer."""
    trimmed = trim_vocabulary(tokenizer, [*examples.contexts, *examples.questions])
    smaller = copy.deepcopy(model)
    keep_rows(smaller, trimmed.kept)
    cut = make_windows(examples, trimmed.tokenizer, windows.max_seq_length, windows.max_seq_length // 3)
    assert (cut.lengths == windows.lengths).all()
    return smaller, cut


def compare(args: argparse.Namespace, folder: Path) -> list[Row]:
    """Train in each way and precision, round after round, and return the seconds of the steps."""
    examples = read_file(args.train_file) if args.train_file else load_train_and_dev(None, args.questions)[0]
    model, tokenizer = load_model(args, examples)
    is_real = args.train_file or find_asset("data", "tquad")
    length = 384 if is_real else 112  # generated paragraphs are short, and half is also padding
    windows = make_windows(examples, tokenizer, length, length // 3)
    features = make_peer_features(examples, tokenizer, windows, folder) if "peer" in args.ways else None

    thinned = thin_windows_without_answer(windows, examples, KEPT, seed=0)
    sides = dict.fromkeys(args.ways, (model, windows)) | {"fewer": (model, thinned)}
    if "trimmed" in args.ways:
        sides["trimmed"] = trim(model, tokenizer, examples, windows)

    def train(way: str, precision: str) -> tuple[float, float]:
        batching = {"peer": "padded", **dict.fromkeys(PACKED, "packed")}.get(way, way)
        config = configure(str(folder), batching, precision, args)
        before = reset_peak_megabytes()
        trained, read = copy.deepcopy(sides[way][0]), sides[way][1]
        if way == "peer":
            took = train_peer(trained, features, config)
            done = count_operations(model, [(args.batch_size, length)] * args.steps)
        else:
            took, done = train_ours(trained, read, config, args.steps)
        report_progress(
            f"{way} {precision}: {args.steps * args.batch_size / took:.2f} windows/s, "
            f"{done / took / 1e9:.0f} GFLOP/s, {done / took / measure_peak():.0%} of the peak"
        )
        return took * len(read) / len(windows), read_megabytes("VmHWM") - before

    ways = [way for way in args.ways if way != "peer" or features is not None]
    tasks = {(way, precision): partial(train, way, precision) for precision in args.precision for way in ways}
    seconds, megabytes = split_pairs(alternate(args.rounds, tasks))
    report_progress(
        f"{sum(parameter.numel() for parameter in model.parameters()) / 1e6:.1f} M parameters, "
        f"{windows.lengths.mean() / windows.max_seq_length:.0%} of {windows.max_seq_length} tokens filled, "
        f"{torch.get_num_threads()} threads"
    )
    first, rows = ways[0], []
    has_peer = first == "peer"
    for way, precision in seconds:
        if way == "peer":
            continue
        what = f"training, {args.steps} steps of {args.batch_size} windows, {precision}: {way}"
        peers = [taken[first, precision] if way != first else None for taken in (seconds, megabytes)]
        name = PEER if has_peer else first
        target = TARGETS.get((precision, way)) if has_peer else None
        rows += [
            Row(what, seconds[way, precision], peers[0], name, at_least=target),
            Row(
                f"{what}: peak of memory",
                megabytes[way, precision],
                peers[1],
                name,
                "MB",
                at_most=1.0 if target else None,
                is_overhead=True,
            ),
        ]
    return rows


def main() -> None:
    """Train in each way, and print the seconds."""
    parser = build_parser(__doc__, rounds=3)
    parser.add_argument("--train-file")
    parser.add_argument("--tokenizer", help="folder of a tokenizer, for a model with random weights")
    parser.add_argument("--pretrained", help="folder of a model with its tokenizer")
    parser.add_argument("--base", action="store_true", help="random weights in the size of BERT-base")
    parser.add_argument("--layers", type=int, default=4, help="of a model with random weights")
    parser.add_argument("--hidden", type=int, default=256, help="its hidden size, a multiple of 64")
    parser.add_argument("--precision", nargs="+", default=["fp32"], choices=["fp32", "bf16", "fp16"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--questions", type=int, default=4000, help="how many to generate")
    parser.add_argument("--pad-to-multiple-of", type=int)
    parser.add_argument("--cpu-time", action="store_true")
    args = parse_arguments(parser, rounds=1, steps=1, batch_size=4, questions=100)
    if args.cpu_time:
        Clock.now = time.process_time
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(args, Path(folder))
    finish(rows, args)


if __name__ == "__main__":
    main()
