"""Compare features with the peer's, from texts to what training and evaluation read (PEER_DIR, see peer.py).

    PEER_DIR=... MLQA_ASSETS=... python benchmarks/features.py     TQuAD, with the tokenizers in NAMED
    python benchmarks/features.py --data DIR --tokenizer DIR       your train*.json and dev*.json, your tokenizer
    python benchmarks/features.py --scale 100                      time and memory at 1, 10 and 100 times the data

Without data, it is generated. Without a tokenizer, a small WordPiece is trained on the data. Without PEER_DIR, only
mlqa runs. The peer's features are made as run_qa.py makes them: datasets.map over train and dev, nothing cached. Both
have the same threads. Every feature of every window is compared once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from peer import LENGTH, STRIDE, find_peer, load_feature_functions, map_dataset, save_dataset
from reading import read_megabytes

from mlqa.batching.padded_rows import make_batch
from mlqa.data.examples import Examples
from mlqa.data.readers import read_file
from mlqa.data.sample import generate
from mlqa.features.token_cache import TokenCache
from mlqa.features.windows import Windows, make_windows
from mlqa.tokenization.scratch import train_tokenizer

NAMED = ("berturk-cased-32k", "xlm-roberta")


def load_train_and_dev(folder: str | None) -> tuple[Examples, Examples]:
    """Load train and dev from `folder`, else TQuAD from MLQA_ASSETS, else generate them."""
    assets = os.environ.get("MLQA_ASSETS")
    place = Path(folder) if folder else Path(assets) / "data" / "tquad" if assets else None
    if place is None:
        return generate(8000, seed=0), generate(900, seed=1, split="validation")
    train, dev = (read_file(next(place.glob(pattern))) for pattern in ("train*.json", "dev*.json"))
    return train, dev


def load_tokenizers(folder: str | None, train: Examples) -> dict[str, Any]:
    """Load the tokenizer in `folder`, else those of MLQA_ASSETS, else train one."""
    from transformers import AutoTokenizer

    assets = os.environ.get("MLQA_ASSETS")
    folders = [Path(folder)] if folder else [Path(assets) / "tokenizers" / name for name in NAMED] if assets else []
    if folders:
        return {place.name: AutoTokenizer.from_pretrained(place) for place in folders}
    return {"generated": train_tokenizer([*train.contexts, *train.questions], "wordpiece", 2000, 512)}


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


def compare(args: argparse.Namespace) -> None:
    """Print the seconds of both and the windows that differ, for each tokenizer."""
    train, dev = load_train_and_dev(args.data)
    folder = find_peer()
    print(
        f"{len(train):,} + {len(dev):,} questions; seconds: median of {args.rounds} rounds; ratio (min ... max), of CPU"
    )
    print(
        f"{'tokenizer':20} {'windows':>8} {'peer':>7} {'mlqa':>7} {'ratio':>22}    CPU {'to cache':>9} {'from it':>8}"
    )
    for name, tokenizer in load_tokenizers(args.tokenizer, train).items():
        with tempfile.TemporaryDirectory() as temporary:
            place, times, cpu = Path(temporary), [], []
            data = [save_dataset(examples, place / str(number)) for number, examples in enumerate((train, dev))]
            for number in range(args.rounds):
                began, before = time.perf_counter(), time.process_time()
                if folder:
                    functions = load_feature_functions(folder, tokenizer)
                    made = [map_dataset(*pair) for pair in zip(functions, data, strict=True)]
                marks, middle = [time.perf_counter()], time.process_time()
                for cache in (None, place / f"cache{number}", place / f"cache{number}"):  # none, filled, full
                    windows = make_both_windows(tokenizer, train, dev, cache)
                    marks.append(time.perf_counter())
                    if cache is None:
                        cpu.append((middle - before) / (time.process_time() - middle))
                times.append([end - start for start, end in zip([began, *marks], marks, strict=False)])
            peers, plain, filled, hit = (statistics.median(column) for column in zip(*times, strict=True))
            ratios = [row[0] / row[1] for row in times]
            ratio = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} ... {max(ratios):.1f})" if folder else "-"
            ratio += f" {statistics.median(cpu):6.1f}" if folder else ""
            print(f"{name:20} {len(windows[0]) + len(windows[1]):8,} {peers:7.2f} {plain:7.2f} {ratio:>29} "
                  f"{filled:9.2f} {hit:8.2f}", flush=True)  # fmt: skip
            if folder:
                for split, mine, theirs, examples in zip(("train", "dev"), windows, made, (train, dev), strict=True):
                    print(f"  {split} windows that differ: {count_differences(mine, theirs, examples)}")


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


def measure(args: argparse.Namespace) -> None:
    """Print time and memory of one size as JSON, in a process of its own."""
    train, _ = load_train_and_dev(args.data)
    tokenizer = next(iter(load_tokenizers(args.tokenizer, train).values()))
    examples = multiply(train, args.measure)
    make_windows(generate(10, seed=0), tokenizer, LENGTH, STRIDE)
    before, began = read_megabytes("VmRSS"), time.perf_counter()
    windows = make_windows(examples, tokenizer, LENGTH, STRIDE, TokenCache(Path(args.cache), tokenizer))
    took = time.perf_counter() - began
    size = sum(file.stat().st_size for file in Path(args.cache).glob("*/*")) / 1e6
    peak, anonymous = read_megabytes("VmHWM"), read_megabytes("RssAnon")
    print(json.dumps([len(examples), len(windows), took, before, peak, anonymous, size]))


def measure_growth(args: argparse.Namespace) -> None:
    """Print time and memory at 1, 10 and 100 times the data."""
    print("  times  questions    windows  seconds  MB before  MB peak  MB not mapped, at the end  MB of tokens")
    for times in (1, 10, 100):
        if times <= args.scale:
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, __file__, "--measure", str(times), "--cache", folder]
                for name in ("data", "tokenizer"):
                    command += [f"--{name}", getattr(args, name)] if getattr(args, name) else []
                done = subprocess.run(command, capture_output=True, text=True)
                assert done.returncode == 0, done.stderr
                rows, windows, took, before, peak, anonymous, size = json.loads(done.stdout.splitlines()[-1])
                print(f"{times:7} {rows:10,} {windows:10,} {took:8.1f} {before:10.0f} {peak:8.0f} {anonymous:26.0f} "
                      f"{size:13.0f}", flush=True)  # fmt: skip


def main() -> None:
    """Run the comparison, or the measurement of growth if --scale is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--tokenizer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=int, default=0)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cache", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args)
    elif args.scale:
        measure_growth(args)
    else:
        compare(args)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import datasets

    datasets.disable_progress_bars()
    main()
