"""Features side by side: ours, and the tokenizer's own pair encoding with the labels walked over its offsets, which is
how transformers' question-answering example makes them.

    python benchmarks/features.py                                          generated data, a small WordPiece tokenizer
    python benchmarks/features.py --train-file train.json --tokenizer DIR  your own
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from mlqa.data.examples import Examples
from mlqa.data.readers import read_file
from mlqa.data.sample import generate
from mlqa.qa.features import make_windows
from mlqa.tokenization.scratch import train_tokenizer

LENGTH, STRIDE = 384, 128


def peer(tokenizer: Any, examples: Examples) -> int:
    """Windows and labels a token at a time; returns the number of windows."""
    encoded = tokenizer(
        [question.lstrip() for question in examples.questions],
        [examples.context(row) for row in range(len(examples))],
        truncation="only_second",
        max_length=LENGTH,
        stride=STRIDE,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding="max_length",
    )
    labels = []
    for number, offsets in enumerate(encoded["offset_mapping"]):
        places = [place for place, part in enumerate(encoded.sequence_ids(number)) if part == 1]
        golds = examples.answers[encoded["overflow_to_sample_mapping"][number]]
        first, last = places[0], places[-1]
        if not golds or offsets[first][0] > golds[0].start or offsets[last][1] < golds[0].end:
            labels.append((0, 0))
            continue
        while first <= last and offsets[first][0] <= golds[0].start:
            first += 1
        while offsets[last][1] >= golds[0].end:
            last -= 1
        labels.append((first - 1, last + 1))
    return len(labels)


def ours(tokenizer: Any, examples: Examples) -> int:
    return len(make_windows(examples, tokenizer, LENGTH, STRIDE))


def seconds(work: Callable[[Any, Examples], int], tokenizer: Any, examples: Examples) -> tuple[float, int]:
    began = time.perf_counter()
    windows = work(tokenizer, examples)
    return time.perf_counter() - began, windows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train-file")
    parser.add_argument("--tokenizer")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    examples = read_file(args.train_file) if args.train_file else generate(8000, seed=0)
    if args.tokenizer:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(args.tokenizer)
    else:
        tokenizer = train_tokenizer([*examples.contexts, *examples.questions], "wordpiece", 2000, LENGTH)
    ratios = []
    for number in range(args.rounds):
        (slow, theirs), (fast, mine) = seconds(peer, tokenizer, examples), seconds(ours, tokenizer, examples)
        assert theirs == mine
        ratios.append(slow / fast)
        print(f"round {number + 1}: {len(examples)} questions, {mine} windows: "
              f"peer {slow:.2f} s, mlqa {fast:.2f} s, ratio {slow / fast:.1f}")  # fmt: skip
    print(f"median ratio {statistics.median(ratios):.1f} (min {min(ratios):.1f}, max {max(ratios):.1f})")


if __name__ == "__main__":
    main()
