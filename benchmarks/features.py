"""Compare features with the peer's, from texts to what training and evaluation read (PEER_DIR, see peer.py).

    PEER_DIR=... MLQA_ASSETS=... python benchmarks/features.py     TQuAD, with two tokenizers
    python benchmarks/features.py --data DIR --tokenizer DIR       your train*.json and dev*.json, your tokenizer
    python benchmarks/features.py --scale 100                      time and memory at 1, 10 and 100 times the data

Without data, it is generated. Without a tokenizer, a small WordPiece is trained on the data. Without PEER_DIR, only
mlqa runs. The peer's features are made as run_qa.py makes them: datasets.map over train and dev, nothing cached. Both
have the same threads. Every feature of every window is compared once.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from inputs import load_tokenizers, load_train_and_dev
from measuring import (
    alternate,
    build_parser,
    finish,
    parse_arguments,
    read_megabytes,
    report_progress,
    run_apart,
    split_pairs,
    time_call,
)
from peer import LENGTH, PEER, STRIDE, find_peer, load_feature_functions, map_dataset, save_dataset
from rows import Row

from mlqa.batching.padded_rows import make_batch
from mlqa.data.examples import Examples
from mlqa.data.sample import generate
from mlqa.features.token_cache import TokenCache
from mlqa.features.windows import Windows, make_windows


def make_both_windows(tokenizer: Any, train: Examples, dev: Examples, folder: Path | None) -> tuple[Windows, Windows]:
    """Make the windows of train and dev, with a cache in `folder` if it is given."""
    cache = TokenCache(folder, tokenizer) if folder else None
    return make_windows(train, tokenizer, LENGTH, STRIDE, cache), make_windows(dev, tokenizer, LENGTH, STRIDE, cache)


def count_differences(windows: Windows, features: Any, examples: Examples) -> dict[str, int]:
    """Count the windows that differ from the peer's, by feature.

    "after marks" counts those that differ only in the offsets of decomposed text, in which our tokens include the mark
    of their last letter.
    """
    assert len(windows) == len(features), (len(windows), len(features))
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in features.column_names]
    names += [name for name in ("start_positions", "end_positions") if name in features.column_names]
    counts = dict.fromkeys([*names, "offsets", "after marks"], 0)
    for begin in range(0, len(windows), 500):
        chosen = np.arange(begin, min(begin + 500, len(windows)))
        batch, theirs = make_batch(windows, chosen, LENGTH), features[begin : begin + 500]
        for name in names:
            wrong = batch[name].numpy() != np.array(theirs[name])
            counts[name] += int(wrong.reshape(len(chosen), -1).any(axis=1).sum())
        for line, window in enumerate(chosen if "offset_mapping" in theirs else []):
            part = slice(windows.begin[window], windows.end[window])
            mine = np.stack([windows.context.starts[part], windows.context.ends[part]], axis=1)
            same = np.array_equal(mine, [pair for pair in theirs["offset_mapping"][line] if pair is not None])
            marked = any(map(unicodedata.combining, examples.get_context(int(windows.row[window]))))
            counts["after marks" if marked else "offsets"] += not same
    return counts


def compare(args: argparse.Namespace) -> list[Row]:
    """Return the seconds of both for each tokenizer, and report the windows that differ."""
    train, dev = load_train_and_dev(args.data, args.questions)
    folder = find_peer()
    rows = []
    for name, tokenizer in load_tokenizers(args.tokenizer, train).items():
        with tempfile.TemporaryDirectory() as temporary:
            rows += compare_tokenizer(name, tokenizer, train, dev, folder, Path(temporary), args.rounds)
    return rows


def compare_tokenizer(
    name: str, tokenizer: Any, train: Examples, dev: Examples, folder: Path | None, place: Path, rounds: int
) -> list[Row]:
    """Return the rows of one tokenizer: without a cache against the peer, and ours that write and read the cache."""
    caches = (place / f"cache{number}" for number in itertools.count())
    made: dict[str, Any] = {}

    def make_peers() -> None:
        functions = load_feature_functions(folder, tokenizer) if folder else ()
        made["peer"] = [map_dataset(*pair) for pair in zip(functions, data, strict=True)]

    def make_ours(cache: Path | None = None) -> None:
        made["ours"] = make_both_windows(tokenizer, train, dev, cache)

    def fill_cache() -> None:
        made["cache"] = next(caches)
        make_ours(made["cache"])

    tasks: dict[str, Callable[[], None]] = {
        "ours": make_ours, "to the cache": fill_cache, "from the cache": lambda: make_ours(made["cache"])
    }  # fmt: skip
    if folder:
        data = [save_dataset(examples, place / str(number)) for number, examples in enumerate((train, dev))]
        tasks = {"peer": make_peers, **tasks}
    wall, cpu = split_pairs(alternate(rounds, {way: partial(time_call, task) for way, task in tasks.items()}))
    if folder:
        for split, ours, theirs, examples in zip(
            ("train", "dev"), made["ours"], made["peer"], (train, dev), strict=True
        ):
            report_progress(f"{name}, {split} windows that differ: {count_differences(ours, theirs, examples)}")
    what = f"features of {sum(map(len, made['ours'])):,} windows, {name}"
    return [
        Row(what, wall["ours"], wall.get("peer"), PEER, at_least=8),
        Row(f"{what}: CPU", cpu["ours"], cpu.get("peer"), PEER),
        Row(f"{what}: written to the cache", wall["to the cache"]),
        Row(f"{what}: read from the cache", wall["from the cache"]),
    ]


def multiply(examples: Examples, times: int) -> Examples:
    """Repeat the examples, each copy with contexts and questions of its own."""
    count, number = len(examples), len(examples.contexts)
    copies = range(times)
    return Examples(
        ids=[f"{copy}-{row}" for copy in copies for row in range(count)],
        questions=[f"{question} {copy}" for copy in copies for question in examples.questions],
        contexts=[f"{context} {copy}" for copy in copies for context in examples.contexts],
        context_of=np.concatenate([examples.context_of + copy * number for copy in copies]),
        answers=examples.answers * times,
    )


def measure_size(args: argparse.Namespace) -> None:
    """Print time and memory of one size as JSON, in a process of its own."""
    train, _ = load_train_and_dev(args.data, args.questions)
    tokenizer = next(iter(load_tokenizers(args.tokenizer, train).values()))
    examples = multiply(train, args.measure)
    make_windows(generate(10, seed=0), tokenizer, LENGTH, STRIDE)
    before, began = read_megabytes("VmRSS"), time.perf_counter()
    windows = make_windows(examples, tokenizer, LENGTH, STRIDE, TokenCache(Path(args.cache), tokenizer))
    figures = {
        "s": time.perf_counter() - began,
        "MB before": before,
        "MB at the peak": read_megabytes("VmHWM"),
        "MB not mapped, at the end": read_megabytes("RssAnon"),
        "MB of tokens": sum(file.stat().st_size for file in Path(args.cache).glob("*/*")) / 1e6,
    }
    print(json.dumps([len(examples), len(windows), figures]))


def measure_growth(args: argparse.Namespace) -> list[Row]:
    """Return time and memory at 1, 10 and 100 times the data."""
    rows = []
    for times in (1, 10, 100):
        if times <= args.scale:
            with tempfile.TemporaryDirectory() as folder:
                command = [f"--measure={times}", f"--cache={folder}", f"--questions={args.questions}"]
                command += [f"--{name}={getattr(args, name)}" for name in ("data", "tokenizer") if getattr(args, name)]
                questions, windows, figures = run_apart(__file__, *command)
            what = f"features of {questions:,} questions, {windows:,} windows"
            rows += [Row(f"{what}: {unit}", [value], unit=unit.partition(" ")[0]) for unit, value in figures.items()]
    return rows


def main() -> None:
    """Run the comparison, or the measurement of growth if --scale is given."""
    parser = build_parser(__doc__, rounds=5)
    parser.add_argument("--data")
    parser.add_argument("--tokenizer")
    parser.add_argument("--questions", type=int, default=8000, help="how many to generate")
    parser.add_argument("--scale", type=int, default=0)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cache", help=argparse.SUPPRESS)
    args = parse_arguments(parser, rounds=1, questions=200)
    datasets.disable_progress_bars()
    if args.measure:
        measure_size(args)
    elif args.scale:
        finish(measure_growth(args), args)
    else:
        finish(compare(args), args)


if __name__ == "__main__":
    main()
