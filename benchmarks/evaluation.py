"""Compare decoding and the metric with the peer's, from logits to scores (PEER_DIR, see peer.py).

    PEER_DIR=... MLQA_ASSETS=... python benchmarks/evaluation.py    TQuAD's dev split, BERTurk's tokenizer
    python benchmarks/evaluation.py --data DIR --tokenizer DIR      your train*.json and dev*.json, your tokenizer
    python benchmarks/evaluation.py --metric DIR                    `evaluate`'s metrics/squad, from a clone of it

Both decode the same random logits, as wide as the peer pads (n_best_size 20, max_answer_length 30), and score the same
answers, half of which are right. Without --metric, the official score is computed by mlqa's own `evaluate` module.
Forward passes, by length and padded, are those of a small encoder with random weights.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import tempfile
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from features import load_tokenizers, load_train_and_dev
from peer import LENGTH, STRIDE, find_peer, load_feature_functions, load_postprocess, map_dataset, save_dataset
from run_qa_decoding import decode_as_run_qa

import mlqa.metrics
from mlqa.answers.decoding import decode_best_texts, decode_n_best, select_best_spans
from mlqa.answers.forward import predict_spans
from mlqa.batching.padded_rows import make_batch
from mlqa.config.compose import compose_config
from mlqa.data.examples import Examples
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.squad import compute_squad_scores
from mlqa.models.loading import load_model

FORWARD_ROWS = 200


def time_rounds(count: int, **tasks: Callable[[], Any]) -> dict[str, list[float]]:
    """Return the seconds of each task per round. Each round runs all tasks, and a first round warms up uncounted."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(count + 1):
        for name, task in tasks.items():
            began = time.perf_counter()
            task()
            if number:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def print_ratios(title: str, seconds: dict[str, list[float]]) -> None:
    """Print the median seconds of each task, and how many times faster than the first task it is."""
    first, *others = seconds
    print(f"\n{title}\n{first:40} {statistics.median(seconds[first]):8.4f} s")
    for name in others:
        ratios = [slow / fast for slow, fast in zip(seconds[first], seconds[name], strict=True)]
        print(f"{name:40} {statistics.median(seconds[name]):8.4f} s   ratio {statistics.median(ratios):5.1f} "
              f"({min(ratios):.1f} ... {max(ratios):.1f})", flush=True)  # fmt: skip


def compare_decoding(examples: Examples, windows: Windows, tokenizer: Any, rounds: int) -> list[str]:
    """Decode random logits in each way, count the rows that differ from the peer's, and return our answers."""
    folder = find_peer()
    random = np.random.default_rng(0)
    starts, ends = (random.normal(size=(len(windows), LENGTH)).astype(np.float32) for _ in range(2))
    everything = np.arange(len(windows))

    def select_spans() -> Any:
        logits = torch.from_numpy(starts), torch.from_numpy(ends)
        return select_best_spans(*logits, windows, everything, LENGTH, 20, 30)

    tasks: dict[str, Callable[[], Any]] = {
        "mlqa, answers": lambda: decode_best_texts(select_spans(), windows, examples),
        "mlqa, n-best": lambda: decode_n_best(select_spans(), windows, examples, 20, with_null=False),
        "mlqa, n-best as run_qa's": lambda: decode_as_run_qa(starts, ends, windows, examples),
    }
    with tempfile.TemporaryDirectory() as temporary:
        if folder:
            data = save_dataset(examples, Path(temporary) / "data")
            features = map_dataset(load_feature_functions(folder, tokenizer)[1], data)
            decode = load_postprocess(folder)

            def decode_by_peer(**options: Any) -> Any:
                with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
                    return decode(data, features, (starts, ends), **options)

            decode_by_peer(output_dir=temporary)
            tasks = {"the peer, n-best": decode_by_peer, **tasks}
            mine = decode_as_run_qa(starts, ends, windows, examples)
            marked = {
                identifier
                for row, identifier in enumerate(examples.ids)
                if any(map(unicodedata.combining, examples.get_context(row)))
            }
            print()
            for name, ours in (("predictions", mine.predictions), ("nbest_predictions", mine.n_best)):
                theirs = json.loads((Path(temporary) / f"{name}.json").read_text("utf-8"))
                wrong = {identifier for identifier, value in theirs.items() if ours[identifier] != value}
                print(f"{name}.json: {len(theirs) - len(wrong)} of {len(theirs)} rows equal the peer's; "
                      f"of the others {len(wrong & marked)} are of contexts with combining marks")  # fmt: skip
        title = f"decoding, {len(windows):,} windows of {len(examples):,} questions"
        print_ratios(title, time_rounds(rounds, **tasks))
    return decode_best_texts(select_spans(), windows, examples)


def compare_scoring(examples: Examples, answers: list[str], folder: str | None, rounds: int) -> None:
    """Score the answers, half of them replaced by a gold, by an `evaluate` module and by mlqa."""
    import evaluate

    rows = range(len(examples))
    golds = [examples.get_gold_texts(row) for row in rows]
    predictions = [golds[row][0] if row % 2 else answers[row] for row in rows]
    predicted = [{"id": examples.ids[row], "prediction_text": predictions[row]} for row in rows]
    references = [{"id": examples.ids[row], "answers": {"text": golds[row], "answer_start": [0] * len(golds[row])}}
                  for row in rows]  # fmt: skip
    module = Path(folder) if folder else Path(mlqa.metrics.__file__).parent / "evaluate_modules" / "squad"
    metric = evaluate.load(str(module / "squad.py"), keep_in_memory=True)
    theirs = metric.compute(predictions=predicted, references=references)
    mine = compute_squad_scores(predictions, golds)
    same = (mine.exact_match, mine.f1) == (theirs["exact_match"], theirs["f1"])
    official = "evaluate's squad" if folder else "mlqa's evaluate module"
    print_ratios(
        f"metric, {len(rows):,} rows; {'equal to the last bit' if same else f'DIFFERENT: {theirs} {mine.f1}'}",
        time_rounds(
            rounds,
            **{
                official: lambda: metric.compute(predictions=predicted, references=references),
                "mlqa, compute_squad_scores": lambda: compute_squad_scores(predictions, golds),
            },
        ),
    )


def compare_forward_passes(examples: Examples, windows: Windows, tokenizer: Any, rounds: int) -> None:
    """Answer with a small model, in order and padded to the full width, and by length as mlqa does."""
    config, _ = compose_config(["model=tiny_wordpiece"])
    torch.manual_seed(0)
    model = load_model(config.model, tokenizer).eval()
    size = config.training.per_device_eval_batch_size

    @torch.no_grad()
    def answer_padded() -> list[str]:
        parts = []
        for begin in range(0, len(windows), size):
            batch = make_batch(windows, np.arange(begin, min(begin + size, len(windows))), None)
            output = model(**{name: value for name, value in batch.items() if not name.endswith("_positions")})
            parts.append((output.start_logits, output.end_logits))
        starts, ends = (torch.cat(logits) for logits in zip(*parts, strict=True))
        spans = select_best_spans(starts, ends, windows, np.arange(len(windows)), LENGTH, 20, 30)
        return decode_best_texts(spans, windows, examples)

    def answer_by_length() -> list[str]:
        return decode_best_texts(predict_spans(model, windows, config.training), windows, examples)

    same = sum(text == other for text, other in zip(answer_padded(), answer_by_length(), strict=True))
    print_ratios(
        f"forward and decoding; {same} of {len(examples)} answers are the same",
        time_rounds(
            max(1, rounds // 3), **{"in order, padded to 384": answer_padded, "mlqa, by length": answer_by_length}
        ),
    )


def main() -> None:
    """Compare decoding, scoring and forward passes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--tokenizer")
    parser.add_argument("--metric")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    train, examples = load_train_and_dev(args.data)
    examples = replace(examples, ids=[str(row) for row in range(len(examples))])  # the peer loses rows with equal ids
    tokenizer = next(iter(load_tokenizers(args.tokenizer, train).values()))
    windows = make_windows(examples, tokenizer, LENGTH, STRIDE)
    answers = compare_decoding(examples, windows, tokenizer, args.rounds)
    compare_scoring(examples, answers, args.metric, args.rounds)
    few = examples.select(np.arange(min(len(examples), FORWARD_ROWS)))
    compare_forward_passes(few, make_windows(few, tokenizer, LENGTH, STRIDE), tokenizer, args.rounds)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import datasets

    datasets.disable_progress_bars()
    main()
